import type { WorkloadAction } from './action.ts';
import { REGISTER_ACTIONS } from './register-actions.ts';

/** Appends a serial to a list, and is told its place there. */
export const append: WorkloadAction = {
  name: 'append',
  weights: [1],
  act(call, done) {
    const { key, history, node } = call;
    const serial = call.serial();
    const floor = history.floor(key);
    call.replica.proposeWith('lists', { key, serial }, undefined, (failure, place) => {
      if (!call.end(failure)) return;
      call.note(failure ? 'append failed' : 'appended', serial, String(place));
      if (failure) history.failed(node.id, serial, failure);
      else history.acknowledged(key, serial, Number(place), floor);
      done(!failure);
    });
  },
};

/** A command that every node refuses: the refusal is its result, and nothing is changed. */
export const refuse: WorkloadAction = {
  name: 'refuse',
  weights: [0.02, 0.05],
  act(call, done) {
    const serial = -call.serial();
    call.replica.proposeWith('lists', { key: call.key, serial }, undefined, (failure, place) => {
      if (!call.end(failure)) return;
      call.note(failure ? 'refused' : 'not refused', serial, String(place));
      if (!failure) call.history.unrefused(serial);
      done(true);
    });
  },
};

/** Reads a list at its node through a barrier (Raft thesis 6.4). */
export const read: WorkloadAction = {
  name: 'read',
  weights: [0.1, 0.6],
  act(call, done) {
    const { key, history, node } = call;
    const floor = history.floor(key);
    call.replica.readBarrierWith(undefined, (failure) => {
      if (!call.end(failure)) return;
      const list = node.lists!.lists.get(key) ?? [];
      call.note(failure ? 'read failed' : 'read', key, list.length);
      if (!failure) history.read(node.id, key, floor, list);
      done(!failure);
    });
  },
};

/** Everything that clients do. A new action is one entry here; how often it is done is drawn by name. */
export const ACTIONS: readonly WorkloadAction[] = [append, refuse, read, ...REGISTER_ACTIONS];
