import { NVMesh, Niivue, SLICE_TYPE } from '@niivue/niivue'
import { inTurn } from '../pure/turn.ts'

export interface Part {
  key: string
  /** address of the surface (ends in .mz3), or a name for `data` */
  url: string
  data?: ArrayBuffer
  colour: string
  opacity: number
}

/** How much larger than its surrounding ball the picture is drawn. */
const ZOOM = 1.25
/** Bright where a surface faces the reader: what is seen through another surface stays readable. */
const SHADER = 'Diffuse'

/** Angles in degrees of the standard looks; 'front' has the patient's right on the left of the screen. */
export const LOOKS = { front: [180, 10], right: [270, 10], left: [90, 10], above: [180, 90], below: [180, -90] } as const
export type Look = keyof typeof LOOKS

/** "#rrggbb" as three numbers from 0 to 255. */
export function channels(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.replace('#', ''), 16)
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255]
}

/** Surfaces in three dimensions on a canvas of their own: no volume is drawn, so software rendering keeps up. */
export class Solid {
  readonly #nv: Niivue
  #closed = false
  #work: Promise<void> = Promise.resolve()

  private constructor(nv: Niivue) {
    this.#nv = nv
  }

  static async open(canvas: HTMLCanvasElement): Promise<Solid> {
    const nv = new Niivue({
      isRadiologicalConvention: true,
      show3Dcrosshair: false,
      isOrientCube: true,
      dragAndDropEnabled: false,
      backColor: [0.15, 0.17, 0.19, 1],
      logLevel: 'error',
      loadingText: '',
      clipPlaneHotKey: '',
      cycleClipPlaneHotKey: '',
      viewModeHotKey: '',
      isAntiAlias: true,
    })
    nv.keyDownListener = () => undefined
    nv.keyUpListener = () => undefined
    await inTurn(() => nv.attachToCanvas(canvas, true))
    nv.setSliceType(SLICE_TYPE.RENDER)
    nv.opts.isOrientCube = true
    const view = new Solid(nv)
    view.look('front')
    nv.setScale(ZOOM)
    return view
  }

  /** Show exactly these surfaces; those shown already only change their colour and opacity. Missing files are left out. */
  show(parts: readonly Part[]): Promise<void> {
    this.#work = this.#work.then(() => this.#show(parts)).catch(() => undefined)
    return this.#work
  }

  async #show(parts: readonly Part[]): Promise<void> {
    const wanted = new Set(parts.map((part) => part.url))
    for (const mesh of [...this.#nv.meshes]) {
      if (!wanted.has(mesh.name)) this.#nv.removeMesh(mesh)
    }
    for (const part of parts) {
      if (this.#closed) return
      const there = this.#nv.meshes.find((mesh) => mesh.name === part.url)
      if (there) {
        this.#nv.setMeshProperty(there.id as never, 'opacity', part.opacity)
        continue
      }
      const [red, green, blue] = channels(part.colour)
      const options = { url: part.url, name: part.url, rgba255: new Uint8Array([red, green, blue, 255]), opacity: part.opacity }
      const before = this.#nv.meshes.length
      if (part.data) this.#nv.addMesh(await NVMesh.readMesh(part.data, part.url, this.#nv.gl, part.opacity, options.rgba255))
      else await inTurn(() => this.#nv.addMeshFromUrl(options as never)).catch(() => undefined)
      const added = this.#nv.meshes[before]
      if (added) this.#nv.setMeshShader(added.id as never, SHADER)
    }
    if (!this.#closed) this.#nv.drawScene()
  }

  look(from: Look): void {
    const [azimuth, elevation] = LOOKS[from]
    this.#nv.setRenderAzimuthElevation(azimuth, elevation)
  }

  turn(azimuth: number, elevation: number): void {
    this.#nv.setRenderAzimuthElevation(this.#nv.scene.renderAzimuth + azimuth, this.#nv.scene.renderElevation + elevation)
  }

  /** Turn and zoom others together with this one. */
  lead(others: readonly Solid[]): void {
    this.#nv.broadcastTo(
      others.map((other) => other.#nv),
      { '2d': false, '3d': true } as never,
    )
  }

  close(): void {
    this.#closed = true
    this.#nv.cleanup()
    this.#nv.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }
}
