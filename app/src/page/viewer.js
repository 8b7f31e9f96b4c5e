// The one place that knows NiiVue: a viewer that shows one image, perhaps with labels over it.
//
// Bytes come in as Blobs that the page's worker wrote. Calls that load something run one after another, so
// that a quick change of mind never leaves the image of one case under the labels of another.

// niivue.SLICE_TYPE and niivue.SHOW_RENDER
const AXIAL = 0;
const MULTIPLANAR = 3;
const RENDER = 4;
const SHOW_RENDER_NEVER = 0;
const SHOW_RENDER_ALWAYS = 1;
const MULTIPLANAR_GRID = 2;

// How much the rendering is lit, from 0 (flat) to 1.
const ILLUMINATION = 0.5;

// Names of drivers that draw without a GPU. A rendering takes them a third of a second, and every movement of the
// crosshair draws it anew.
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

// NiiVue's name for dark red to bright yellow, and the values from transparent to the brightest.
const HEAT = "hot";
const HEAT_RANGE = [0.05, 1];

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

// How far keys move the crosshair, in voxels to the patient's right, front and head.
const STEPS = {
  h: [-1, 0, 0],
  ArrowLeft: [-1, 0, 0],
  l: [1, 0, 0],
  ArrowRight: [1, 0, 0],
  j: [0, -1, 0],
  ArrowDown: [0, -1, 0],
  k: [0, 1, 0],
  ArrowUp: [0, 1, 0],
  d: [0, 0, -1],
  PageDown: [0, 0, -1],
  u: [0, 0, 1],
  PageUp: [0, 0, 1],
};

/** The label of a map at a place in mm; undefined where the map does not reach. */
function labelAt({ volume } = {}, mm) {
  const vox = volume?.mm2vox(mm, true);
  const inside = vox && [0, 1, 2].every((axis) => vox[axis] > -0.5 && vox[axis] < volume.dimsRAS[axis + 1] - 0.5);
  return inside ? volume.getValue(...vox) : undefined;
}

// Volumes above this many voxels are shown as slices, without a rendering and the second texture that its light
// takes, and label maps over them are only drawn: a copy for the readout would cost too much memory.
const LARGE = 60e6;

export class Viewer {
  #niivue;
  #loadVolume;
  #image;
  #labels;
  #colors;
  #layout = "both";
  #large = false;
  #illumination;
  #references = {};
  #history;
  #drawingColors;
  #pending = Promise.resolve();

  /**
   * Puts a viewer on the canvas; `onReadout` gets {vox, toFile, mm, value, truth, prediction} wherever the
   * crosshair moves: `vox` counts along the patient's axes, and `toFile` is the matrix (column by column) that
   * makes indices in the file of it, where those are others.
   */
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
    viewer.#niivue.onLocationChange = (place) => onReadout(viewer.#readout(place));
    // NiiVue's own keys do nothing once the mouse has left the canvas.
    canvas.addEventListener("keydown", (event) => viewer.#step(event), { capture: true });
    await viewer.#niivue.attachToCanvas(canvas, true);
    if (viewer.software()) viewer.#layout = "slices";
    await viewer.#arrange();
    return viewer;
  }

  /** Whether pictures are drawn without a GPU. */
  software() {
    const { gl } = this.#niivue;
    const names = gl.getExtension("WEBGL_debug_renderer_info");
    return SOFTWARE.test(gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /**
   * Shows an image with labels over it (or none). `colors` is {R, G, B, A, I, labels}: one entry per label
   * id in I; A is 0 for a hidden label and 255 for a visible one. Without colors it is values from 0 to 1 that
   * lie over the image, and they are painted from dark to bright.
   *
   * It is the only way to change any of these: the last call says what is on screen, whatever was still being
   * loaded when it was made.
   */
  show(image, labels, colors, opacity) {
    return this.#after(async () => {
      if (image !== this.#image || labels !== this.#labels) {
        // There may be no room for two large ones.
        if (image !== this.#image && this.#large) this.#removeFrom(0);
        const volumes = [image === this.#image ? this.#niivue.volumes[0] : await this.#background(image)];
        this.#image = image;
        this.#labels = undefined;
        try {
          if (labels) volumes.push(await this.#overlay(labels, colors, opacity));
          this.#labels = labels;
        } finally {
          this.#put(volumes);
        }
        // The readout follows the crosshair; here the image changed under it.
        this.#niivue.createOnLocationChange();
      } else if (labels) {
        this.#paint(colors, opacity);
      }
    });
  }

  /** A volume to be drawn below everything else. */
  async #background(image) {
    const volume = await this.#load(image, "image.nii", {});
    this.#large = volume.img.length > LARGE;
    await this.#arrange();
    return volume;
  }

  /** A volume to be drawn over it. */
  async #overlay(labels, colors, opacity) {
    const volume = await this.#load(labels, "labels.nii", { opacity });
    this.#colors = JSON.stringify(colors);
    if (colors) {
      volume.setColormapLabel(colors);
    } else {
      volume.colormap = HEAT;
      [volume.cal_min, volume.cal_max] = HEAT_RANGE;
    }
    return volume;
  }

  /** Changes the colors of what lies over the image, which labels are visible, and how opaque they are. */
  #paint(colors, opacity) {
    const overlay = this.#niivue.volumes[1];
    const text = JSON.stringify(colors);
    if (text !== this.#colors) {
      this.#colors = text;
      overlay.setColormapLabel(colors);
      this.#niivue.updateGLVolume();
    }
    if (opacity !== overlay.opacity) this.#niivue.setOpacity(1, opacity);
  }

  /** Draws other volumes than before. One at a time, each would be drawn with the old ones and without. */
  #put(volumes) {
    this.#niivue.volumes = volumes;
    this.#niivue.setVolume(volumes[0], 0);
  }

  /** Puts slices and rendering where they belong. Light comes and goes with programs that are compiled for the GPU. */
  async #arrange() {
    const niivue = this.#niivue;
    const beside = this.#layout === "both" && !this.#large;
    niivue.opts.multiplanarShowRender = beside ? SHOW_RENDER_ALWAYS : SHOW_RENDER_NEVER;
    const type = this.#layout === "rendering" ? RENDER : MULTIPLANAR;
    if (niivue.opts.sliceType !== type) niivue.setSliceType(type);
    const illumination = this.#layout === "slices" || this.#large ? 0 : ILLUMINATION;
    if (illumination !== this.#illumination) await niivue.setVolumeRenderIllumination(illumination);
    this.#illumination = illumination;
  }

  #step(event) {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || this.#niivue.volumes.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#niivue.moveCrosshairInVox(...step);
  }

  /** Moves the crosshair to a place in mm, after whatever is being loaded. */
  goTo(mm) {
    const place = Array.from(mm);
    this.#after(() => {
      const niivue = this.#niivue;
      niivue.scene.crosshairPos = niivue.mm2frac(place);
      niivue.drawScene();
      niivue.createOnLocationChange();
    });
  }

  /** The label maps whose values the readout gives, whether they are drawn or not; or undefined. */
  setReferences(truth, prediction) {
    this.#after(async () => {
      const small = this.#niivue.volumes[0]?.img.length <= LARGE;
      for (const [name, blob] of Object.entries({ truth, prediction })) {
        if (blob === this.#references[name]?.blob) continue;
        const volume = blob && small ? await this.#load(blob, `${name}.nii`, {}) : undefined;
        this.#references[name] = { blob, volume };
      }
      if (this.#niivue.volumes.length > 0) this.#niivue.createOnLocationChange();
    });
  }

  #readout({ mm, values }) {
    if (values.length === 0) return undefined;
    const [{ value, vox }] = values;
    const { permRAS, toRASvox } = this.#niivue.volumes[0];
    // As it is, the matrix of a volume without turned axes is not set.
    const turned = permRAS.some((axis, i) => axis !== i + 1);
    return {
      vox: Array.from(vox).slice(0, 3),
      toFile: turned ? Array.from(toRASvox) : undefined,
      mm: Array.from(mm).slice(0, 3),
      value,
      truth: labelAt(this.#references.truth, mm),
      prediction: labelAt(this.#references.prediction, mm),
    };
  }

  /** The three slices, the rendering, or both: "slices", "rendering" or "both". */
  setLayout(layout) {
    this.#after(async () => {
      this.#layout = layout;
      await this.#arrange();
      this.#niivue.drawScene();
    });
  }

  /** On which side the patient's right is, whether labels are outlines, whether voxels are squares. */
  setLook(radiological, outline, sharp) {
    const niivue = this.#niivue;
    niivue.opts.isRadiologicalConvention = radiological;
    // Opacity of the voxels at the border of a label.
    niivue.opts.atlasOutline = outline ? 1 : 0;
    niivue.setInterpolation(sharp);
    niivue.updateGLVolume();
  }

  /** From which value to which the image goes from black to white; what suits it without them. */
  setWindow(low, high) {
    const image = this.#niivue.volumes[0];
    if (!image) return;
    image.cal_min = low ?? image.robust_min;
    image.cal_max = high ?? image.robust_max;
    this.#niivue.updateGLVolume();
  }

  /** The image's smallest and largest value, and those that are shown black and white. */
  window() {
    const image = this.#niivue.volumes[0];
    return image && [image.global_min, image.global_max, image.cal_min, image.cal_max];
  }

  /**
   * Makes labels over the shown image editable: those given, or none yet. `colors` has an entry for every value
   * of a drawing: NiiVue paints those without one red. `history` takes note of every change, and `onChange` gets
   * {undo, redo}: what is possible now.
   */
  edit(labels, colors, opacity, history, onChange) {
    this.#drawingColors = colors;
    return this.#after(async () => {
      const niivue = this.#niivue;
      this.#removeFrom(1);
      this.#labels = undefined;
      niivue.setDrawColormap(this.#drawingColors);
      niivue.setDrawOpacity(opacity);
      if (!labels) {
        niivue.createEmptyDrawing();
      } else if (!niivue.loadDrawing(await this.#load(labels, "labels.nii", {}))) {
        throw new Error("the labels have another shape than the image");
      }
      history.start(niivue.drawBitmap);
      this.#history = history;
      const tell = () => onChange(this.#history.state);
      niivue.onDrawingChanged = (action) => {
        if (action !== "draw") return;
        this.#history.record(niivue.drawBitmap);
        tell();
      };
      tell();
    });
  }

  /** The colors of the labels that are being edited. */
  recolorDrawing(colors) {
    // What is opened just now takes them from here.
    this.#drawingColors = colors;
    if (this.#history) this.#niivue.setDrawColormap(colors);
  }

  /** What dragging over a slice does: look, brush, fill, erase or grow. `size` is the brush's, in voxels. */
  setTool(tool, label, size) {
    const niivue = this.#niivue;
    niivue.opts.penSize = size;
    niivue.opts.clickToSegment = tool === "grow";
    niivue.setPenValue(tool === "erase" ? 0 : label, tool === "fill");
    niivue.setDrawingEnabled(tool !== "look");
  }

  undo() {
    this.#history.undo(this.#niivue.drawBitmap);
    this.#niivue.refreshDrawing(true);
    return this.#history.state;
  }

  redo() {
    this.#history.redo(this.#niivue.drawBitmap);
    this.#niivue.refreshDrawing(true);
    return this.#history.state;
  }

  /** Lets all labels grow until they meet. */
  growCut() {
    this.#niivue.drawGrowCut();
    return this.#recorded();
  }

  /** Fills the axial slices between those that have labels. */
  interpolate() {
    this.#niivue.interpolateMaskSlices(undefined, undefined, { sliceType: AXIAL });
    return this.#recorded();
  }

  #recorded() {
    this.#history.record(this.#niivue.drawBitmap);
    return this.#history.state;
  }

  /** The drawing as a NIfTI file, voxels in the image's own order. */
  async drawing() {
    return await this.#niivue.saveImage({ filename: "", isSaveDrawing: true });
  }

  /** Ends editing. What was not fetched by `drawing` is gone. */
  closeDrawing() {
    this.#niivue.setDrawingEnabled(false);
    this.#niivue.onDrawingChanged = () => {};
    this.#niivue.closeDrawing();
    this.#history = undefined;
  }

  /** Takes everything off the screen. */
  clear() {
    this.#after(() => {
      this.#removeFrom(0);
      this.#image = this.#labels = undefined;
      this.#references = {};
    });
  }

  /** Does something after all that was asked for before, whatever came of that. */
  #after(act) {
    const done = this.#pending.then(act);
    this.#pending = done.catch(() => {});
    return done;
  }

  async #load(blob, name, options) {
    return this.#loadVolume({ url: await blob.arrayBuffer(), name, ...options });
  }

  /** Removes the overlays first: NiiVue draws whatever is first as the background. */
  #removeFrom(first) {
    const volumes = this.#niivue.volumes;
    for (const volume of volumes.slice(first).reverse()) this.#niivue.removeVolume(volume);
  }
}
