// Bounds on what the allocator looks at, so that hostile code costs time and memory in proportion to its size. Beyond
// them allocations are worse, never wrong; tests lower them.

export class Limits {
  /** Words of live-in sets held at a time. */
  readonly liveWords: number;
  /** Live ranges made: at most so many, and so many for each virtual register; beyond, holes are filled. */
  readonly ranges: number;
  readonly rangesEach: number;
  /** Ranges of a segment that can be in one register. */
  readonly segmentRanges: number;

  constructor(liveWords: number, ranges: number, rangesEach: number, segmentRanges: number) {
    this.liveWords = liveWords;
    this.ranges = ranges;
    this.rangesEach = rangesEach;
    this.segmentRanges = segmentRanges;
  }
}

export const LIMITS: Limits = new Limits(1 << 19, 1 << 20, 4, 256);
