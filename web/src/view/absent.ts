/** Stands for a decoder that the workbench does not carry; reading a Zarr store would ask for it. */
export default class Absent {
  static fromConfig(): never {
    throw new Error('This workbench reads NIfTI volumes only.')
  }
}
