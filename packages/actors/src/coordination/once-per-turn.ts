import type { Clock } from '@tutti/kernel';

/** Work that is done in the next turn of the event loop, once however often it is called for in this one. */
export interface OncePerTurn {
  /** Calls for it. */
  readonly call: () => void;
  /** It is not done any more, called for or not. */
  readonly end: () => void;
}

export function oncePerTurn(clock: Clock, work: () => void): OncePerTurn {
  let isCalled = false;
  let isOver = false;
  return {
    call() {
      if (isCalled) return;
      isCalled = true;
      clock.nextTurn(() => {
        isCalled = false;
        if (!isOver) work();
      });
    },
    end() {
      isOver = true;
    },
  };
}
