/** A session's place in the queue of one orchestrator. */
interface Place<Session> {
  readonly session: Session;
  before: Place<Session> | undefined;
  behind: Place<Session> | undefined;
}

interface Queue<Session> {
  readonly places: Map<Session, Place<Session>>;
  first: Place<Session> | undefined;
  last: Place<Session> | undefined;
}

/**
 * Whose turn it is: for each orchestrator, the sessions that have tasks ready for it. A session joins at the end and
 * goes back to the end when it was served, so that no session waits for more than one task of each other one. Linked,
 * since a map that is rotated for long is slow to find its first entry. Every step is O(1).
 */
export class Turns<Session> {
  readonly #queues = new Map<string, Queue<Session>>();

  /** Unless it is there already. */
  join(orchestrator: string, session: Session): void {
    let queue = this.#queues.get(orchestrator);
    if (!queue)
      this.#queues.set(orchestrator, (queue = { places: new Map(), first: undefined, last: undefined }));
    if (queue.places.has(session)) return;
    const place: Place<Session> = { session, before: undefined, behind: undefined };
    queue.places.set(session, place);
    append(queue, place);
  }

  leave(orchestrator: string, session: Session): void {
    const queue = this.#queues.get(orchestrator);
    const place = queue?.places.get(session);
    if (!queue || !place) return;
    queue.places.delete(session);
    cutOut(queue, place);
    if (queue.places.size === 0) this.#queues.delete(orchestrator);
  }

  /** It was given something: the others come first now. */
  served(orchestrator: string, session: Session): void {
    const queue = this.#queues.get(orchestrator);
    const place = queue?.places.get(session);
    if (!queue || !place || queue.last === place) return;
    cutOut(queue, place);
    append(queue, place);
  }

  first(orchestrator: string): Session | undefined {
    return this.#queues.get(orchestrator)?.first?.session;
  }

  /** In the order of their turns; nothing may change meanwhile. */
  *of(orchestrator: string): IterableIterator<Session> {
    for (let place = this.#queues.get(orchestrator)?.first; place; place = place.behind) yield place.session;
  }

  /** Those that somebody waits for. */
  orchestrators(): IterableIterator<string> {
    return this.#queues.keys();
  }
}

function append<Session>(queue: Queue<Session>, place: Place<Session>): void {
  place.before = queue.last;
  place.behind = undefined;
  if (queue.last) queue.last.behind = place;
  else queue.first = place;
  queue.last = place;
}

function cutOut<Session>(queue: Queue<Session>, { before, behind }: Place<Session>): void {
  if (before) before.behind = behind;
  else queue.first = behind;
  if (behind) behind.before = before;
  else queue.last = before;
}
