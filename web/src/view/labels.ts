import { NVImage } from '@niivue/niivue'
import { AXES, type Direction } from '../pure/tiles.ts'
import type { Plane } from '../pure/contours.ts'

/** A label map read voxel by voxel along the patient's axes, whichever way round the file holds it. */
export class LabelMap {
  readonly dims: readonly [number, number, number]
  readonly #data: ArrayLike<number>
  readonly #step: readonly number[]
  readonly #start: number

  constructor(image: NVImage) {
    const dims = image.dimsRAS ?? [3, 1, 1, 1]
    this.dims = [dims[1] ?? 1, dims[2] ?? 1, dims[3] ?? 1]
    this.#data = image.img as ArrayLike<number>
    this.#step = image.img2RASstep ?? [1, this.dims[0], this.dims[0] * this.dims[1]]
    this.#start = (image.img2RASstart ?? [0, 0, 0]).reduce((sum, part) => sum + part, 0)
  }

  static async load(url: string): Promise<LabelMap> {
    return new LabelMap(await NVImage.loadFromUrl({ url, name: 'labels.nii.gz' }))
  }

  static async read(file: Blob): Promise<LabelMap> {
    return new LabelMap(await NVImage.loadFromFile({ file: new File([file], 'labels.nii.gz'), name: 'labels.nii.gz' }))
  }

  /** The plane of a direction at a whole slice number. */
  plane(direction: Direction, slice: number): Plane {
    const [across, up, through] = AXES[direction] ?? [0, 1, 2]
    const origin = this.#start + slice * (this.#step[through] ?? 0)
    const dx = this.#step[across] ?? 1
    const dy = this.#step[up] ?? 1
    const data = this.#data
    return {
      width: this.dims[across] ?? 1,
      height: this.dims[up] ?? 1,
      at: (x, y) => data[origin + x * dx + y * dy] ?? 0,
    }
  }
}
