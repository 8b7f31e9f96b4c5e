// The one place that knows NiiVue: a viewer that shows one image, perhaps with labels over it.
//
// Bytes come in as Blobs that the page's worker wrote. Calls that load something run one after another, so
// that a quick change of mind never leaves the image of one case under the labels of another.

// niivue.SLICE_TYPE and niivue.SHOW_RENDER
const MULTIPLANAR = 3;
const RENDER = 4;
const SHOW_RENDER_ALWAYS = 1;
const MULTIPLANAR_GRID = 2;

// How much the rendering is lit, from 0 (flat) to 1.
const ILLUMINATION = 0.5;

const OPTIONS = {
  dragAndDropEnabled: false,
  isOrientCube: false,
  isCornerOrientationText: true,
  isNearestInterpolation: false,
  showLegend: false,
  show3Dcrosshair: false,
  crosshairWidth: 0.25,
  crosshairWidthUnit: "percent",
  crosshairGap: 4,
  crosshairColor: [0.3, 0.85, 0.85, 0.6],
  fontColor: [0.85, 0.9, 0.95, 1],
  multiplanarLayout: MULTIPLANAR_GRID,
  multiplanarShowRender: SHOW_RENDER_ALWAYS,
  multiplanarPadPixels: 4,
  sliceType: MULTIPLANAR,
  logLevel: "error",
  loadingText: "",
};

export class Viewer {
  #niivue;
  #loadVolume;
  #image;
  #labels;
  #pending = Promise.resolve();

  /** Puts a viewer on the canvas; `onReadout` gets {mm, values} wherever the crosshair moves. */
  static async open(canvas, onReadout) {
    if (!document.createElement("canvas").getContext("webgl2")) {
      throw new Error(
        "This browser offers no WebGL2, so volumes cannot be shown. Training and segmentation still work. " +
          "Turn on hardware acceleration in the browser's settings and reload to see the pictures.",
      );
    }
    const { Niivue, NVImage } = await import(new URL("vendor/niivue/index.js", document.baseURI));
    const viewer = new Viewer();
    viewer.#niivue = new Niivue(OPTIONS);
    viewer.#loadVolume = (options) => NVImage.loadFromUrl(options);
    viewer.#niivue.onLocationChange = ({ mm, values }) =>
      onReadout({ mm: Array.from(mm).slice(0, 3), values: values.map(({ value }) => value) });
    await viewer.#niivue.attachToCanvas(canvas, true);
    await viewer.#niivue.setVolumeRenderIllumination(ILLUMINATION);
    return viewer;
  }

  /**
   * Shows an image with labels over it (or none). `colours` is {R, G, B, A, I, labels}: one entry per label
   * id in I; A is 0 for a hidden label and 255 for a visible one.
   */
  show(image, labels, colours, opacity) {
    const shown = this.#pending.then(async () => {
      if (image !== this.#image) {
        this.#removeFrom(0);
        this.#niivue.addVolume(await this.#load(image, "image.nii", {}));
        this.#image = image;
        this.#labels = undefined;
      }
      if (labels !== this.#labels) {
        this.#removeFrom(1);
        if (labels) {
          const volume = await this.#load(labels, "labels.nii", { opacity });
          volume.setColormapLabel(colours);
          this.#niivue.addVolume(volume);
        }
        this.#labels = labels;
      }
      // The readout follows the crosshair; here the image changed under it.
      this.#niivue.createOnLocationChange();
    });
    this.#pending = shown.catch(() => {});
    return shown;
  }

  /** Changes the labels' colours, and which of them are visible. */
  recolour(colours) {
    const overlay = this.#niivue.volumes[1];
    if (overlay) {
      overlay.setColormapLabel(colours);
      this.#niivue.updateGLVolume();
    }
  }

  /** Labels' opacity, 0 to 1. */
  setOpacity(opacity) {
    if (this.#niivue.volumes[1]) this.#niivue.setOpacity(1, opacity);
  }

  /** Three slices and a rendering, or the rendering alone. */
  setLayout(rendering) {
    this.#niivue.setSliceType(rendering ? RENDER : MULTIPLANAR);
  }

  /** Takes everything off the screen. */
  clear() {
    const cleared = this.#pending.then(() => {
      this.#removeFrom(0);
      this.#image = this.#labels = undefined;
    });
    this.#pending = cleared.catch(() => {});
  }

  async #load(blob, name, options) {
    const buffer = await blob.arrayBuffer();
    const bytes = new Uint8Array(buffer, 0, 2);
    const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return this.#loadVolume({ url: buffer, name: gzipped ? `${name}.gz` : name, ...options });
  }

  /** Removes the overlays first: NiiVue draws whatever is first as the background. */
  #removeFrom(first) {
    const volumes = this.#niivue.volumes;
    for (const volume of volumes.slice(first).reverse()) this.#niivue.removeVolume(volume);
  }
}
