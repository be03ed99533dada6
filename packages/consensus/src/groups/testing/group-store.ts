import type { LogStore } from '../../storage/log-store.ts';
import type { SharedLog } from '../shared-log.ts';

/** A store that is one group of a shared log, which is opened and closed with it. */
export function groupStoreOf(shared: SharedLog, group = 'main'): LogStore {
  const store = shared.group(group);
  const open = store.open.bind(store);
  const close = store.close.bind(store);
  let isOpen = false;
  return Object.assign(store, {
    open: (done: Parameters<LogStore['open']>[0]) =>
      shared.open((failure) => {
        if (failure) return done(failure);
        isOpen = true;
        open(done);
      }),
    close: (done: Parameters<LogStore['close']>[0]) => {
      if (!isOpen) return close(done);
      isOpen = false;
      close((failure) => shared.close((problem) => done(failure ?? problem)));
    },
  });
}
