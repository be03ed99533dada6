import { type Logger, messageOf, TuttiError } from '@tutti/kernel';
import type { Escalation } from '@tutti/runtime';

/** A node, as far as its guardian has to do with it. */
export interface GuardedNode {
  readonly stop: () => Promise<void>;
  readonly logger: Logger;
  /** Told of the failure that the node stopped for, once it has, or could not. */
  readonly onFatal: ((failure: Error) => void) | undefined;
}

/**
 * What a guardian does that stops its node: it does so for the first failure that reaches it. Those that follow while
 * the node stops change nothing, and nothing that goes wrong is thrown, since nobody would catch it.
 */
export function stopNodePolicy({ stop, logger, onFatal }: GuardedNode): (escalation: Escalation) => void {
  let isStopping = false;
  const stopFor = async (escalation: Escalation) => {
    try {
      await stop();
    } catch (thrown) {
      logger.error({ problem: messageOf(thrown) }, 'The node did not stop as it should for its guardian');
    }
    try {
      onFatal?.(failureOf(escalation));
    } catch (thrown) {
      logger.error({ problem: messageOf(thrown) }, 'onFatal threw');
    }
  };
  return (escalation) => {
    if (isStopping) return;
    isStopping = true;
    void stopFor(escalation);
  };
}

function failureOf({ address, error }: Escalation): TuttiError {
  return new TuttiError('TUTTI_ACTOR_FAILED', { address, problem: messageOf(error) }, { cause: error });
}
