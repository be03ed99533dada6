/** Which node to add. */
export interface AddNodeOptions {
  /** `n` and a number; by default the next that is free. One that was removed may come back under its name. */
  readonly node?: string | undefined;
  /** It receives everything and never votes, until it is promoted; default false. */
  readonly learner?: boolean;
}

/** A node that was added, and runs. */
export interface AddedNode {
  readonly node: string;
  readonly pid: number;
  readonly adminUrl: string;
}

/** Starts and ends the processes of a cluster, and has the group agree to it. One change after the other. */
export interface Launcher {
  /**
   * Starts a node and adds it to the group; resolves when it serves. Unless it is to stay a learner, it votes as soon as
   * it has caught up. An addition that may or may not have been agreed is not forgotten: the node goes on, and it is
   * asked for again before any other, here or when the cluster is started again.
   * @throws TuttiError `TUTTI_OPTION_INVALID`, `TUTTI_NODE_DIED`, `TUTTI_MEMBERSHIP_CHANGING`, and what
   * `GroupChanges.addLearner` refuses
   */
  add(options?: AddNodeOptions): Promise<AddedNode>;
  /**
   * Has a node give its work away, takes it out of the group, then ends its process; its folder stays. What is begun and
   * interrupted, or may or may not have been agreed, is done before another removal, or when the cluster is started again.
   * What was refused, or reached nobody who could agree, has not happened: the node stays, and takes work again.
   * @throws TuttiError `TUTTI_MEMBERSHIP_CHANGING`, and what `GroupChanges.removeMember` refuses
   */
  remove(node: string): Promise<void>;
}
