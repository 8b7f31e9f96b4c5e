// Undo and redo of a drawing: a bitmap with one label a voxel.

// Changes of a drawing that can be taken back.
const CHANGES = 50;

/** What was changed in a drawing, step by step: indices of voxels with their values before and after. */
export class History {
  #now;
  #changes = [];
  #done = 0;

  /** Takes the drawing as it is as the one to begin with. */
  start(bitmap) {
    this.#now = bitmap.slice();
  }

  /** What is possible now: {undo, redo}. */
  get state() {
    return { undo: this.#done > 0, redo: this.#done < this.#changes.length };
  }

  /** Takes note of what the drawing has become. */
  record(bitmap) {
    const voxels = [];
    for (let i = 0; i < bitmap.length; i++) if (bitmap[i] !== this.#now[i]) voxels.push(i);
    if (voxels.length === 0) return;
    const values = (from) => Uint8Array.from(voxels, (voxel) => from[voxel]);
    const change = { voxels: Uint32Array.from(voxels), before: values(this.#now), after: values(bitmap) };
    this.#changes.splice(this.#done, Infinity, change);
    if (this.#changes.length > CHANGES) this.#changes.shift();
    this.#done = this.#changes.length;
    this.#apply(change, "after", this.#now);
  }

  undo(bitmap) {
    if (this.#done > 0) this.#move(this.#changes[--this.#done], "before", bitmap);
  }

  redo(bitmap) {
    if (this.#done < this.#changes.length) this.#move(this.#changes[this.#done++], "after", bitmap);
  }

  #move(change, values, bitmap) {
    this.#apply(change, values, bitmap);
    this.#apply(change, values, this.#now);
  }

  #apply({ voxels, ...change }, values, bitmap) {
    voxels.forEach((voxel, i) => (bitmap[voxel] = change[values][i]));
  }
}
