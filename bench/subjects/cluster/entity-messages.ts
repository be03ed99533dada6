/** What an entity says, and on which node it said it. */
export interface EntityAnswer {
  readonly count: number;
  readonly by: string;
}

/** Entities `k0` to `k<count - 1>`, so many asks at a time. */
export interface FillRequest {
  readonly count: number;
  readonly clients: number;
}

/** An answer counts from a moment on the shared clock, and from another node than `notBy`. */
export interface AskFrom {
  readonly key: string;
  readonly fromMs: number;
  readonly notBy: string;
}

export interface EntityStatus {
  /** Shards owned by each node; `''` stands for no owner. */
  readonly shards: Readonly<Record<string, number>>;
  readonly moving: number;
}

/** What became of one key under load. */
export interface KeyLoad {
  readonly acknowledged: number;
  readonly longestMs: number;
}
