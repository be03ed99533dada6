import { type Logger, messageOf } from '@tutti/kernel';

/** A node, as far as whoever stops it for a failure has to do with it. */
export interface GuardedNode {
  readonly stop: () => Promise<void>;
  readonly logger: Logger;
  /** Told of the failure that the node stopped for, once it has, or could not. */
  readonly onFatal: ((failure: Error) => void) | undefined;
}

/**
 * Stops a node that is not to go on, for the first failure that is one to stop for. Those that follow while the node
 * stops change nothing, and nothing that goes wrong is thrown, since nobody would catch it.
 */
export function stopNodePolicy({ stop, logger, onFatal }: GuardedNode): (failure: Error) => void {
  let isStopping = false;
  const stopFor = async (failure: Error) => {
    try {
      await stop();
    } catch (thrown) {
      logger.error({ problem: messageOf(thrown) }, 'The node did not stop as it should');
    }
    try {
      onFatal?.(failure);
    } catch (thrown) {
      logger.error({ problem: messageOf(thrown) }, 'onFatal threw');
    }
  };
  return (failure) => {
    if (isStopping) return;
    isStopping = true;
    void stopFor(failure);
  };
}
