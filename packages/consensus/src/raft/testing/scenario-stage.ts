import { assert, isTuttiError, logIndex, nodeId, term } from '@tutti/kernel';
import type { Entry, RaftMessage, SnapshotMeta } from '../messages.ts';
import { CoreCluster, type CoreHost, command } from './core-cluster.ts';
import { changeOf, shownMembership } from './scenario-change.ts';
import type { ScenarioStep } from './scenario-text.ts';
import { shownEntry, shownMessage } from './shown-message.ts';

type Verb = (step: ScenarioStep) => void;

/**
 * Plays a scenario: cores that speak through a bag of messages and write to disks that flush when told. What every
 * command brings about is written down, and after each the promises of figure 3 are checked.
 */
export class ScenarioStage {
  #cluster = new CoreCluster();
  #lines: string[] = [];
  /** The terms that somebody was seen to lead. */
  readonly #leaders = new Map<number, string>();
  readonly #committed = new Map<number, string>();
  readonly #states = new Map<string, string>();
  /** What each node was last said to go by. */
  readonly #memberships = new Map<string, string>();
  #reads = 0;
  #changes = 0;
  readonly #verbs: Readonly<Record<string, Verb>> = {
    nodes: (step) => this.#nodes(step),
    log: ({ words: [name, ...terms] }) => this.#writeLog(name!, terms.map(Number)),
    campaign: ({ words }) => this.#each(words, (host) => host.core.campaign()),
    tick: ({ words, settings }) =>
      this.#each(words, (host) => {
        for (let i = 0; i < Number(settings['times'] ?? 1); i++) host.core.tick();
      }),
    propose: ({ words: [name, ...texts] }) => this.#propose(name!, texts),
    read: ({ words }) => this.#each(words, (host) => host.core.readIndex(++this.#reads)),
    persist: ({ words }) => this.#each(words, (host) => this.#persist(host)),
    deliver: (step) => this.#deliver(step, 'deliver'),
    drop: (step) => this.#deliver(step, 'drop'),
    repeat: (step) => this.#deliver(step, 'repeat'),
    settle: ({ settings }) => this.#settle((settings['without'] ?? '').split(',')),
    pass: (step) => this.#pass(step),
    join: ({ words }) => {
      for (const name of words) this.#cluster.add(name);
    },
    change: (step) => this.#change(step),
    learner: (step) => this.#change(step),
    promote: (step) => this.#change(step),
    remove: (step) => this.#change(step),
    transfer: ({ words: [from, to] }) => this.#transfer(from!, to),
    jam: (step) => this.#deliver(step, 'jam'),
    unlink: ({ words: [from, to] }) => this.#cluster.core(from!).linkLost(nodeId(to!)),
    relink: ({ words: [from, to] }) => this.#cluster.core(from!).linkRenewed(nodeId(to!)),
    elect: ({ words: [name] }) => this.#elect(name!),
    crash: ({ words }) => this.#each(words, (host) => host.crash()),
    wipe: ({ words }) => this.#each(words, (host) => host.wipe()),
    forget: ({ words: [name, index] }) => this.#cluster.host(name!).forget(Number(index)),
    fence: ({ words }) => this.#each(words, ({ core }) => core.fence(logIndex(core.lastIndex + 1))),
    mend: ({ words: [name, leader] }) => this.#cluster.host(name!).mend(this.#cluster.host(leader!)),
    compact: ({ words: [name, index] }) => this.#compact(name!, Number(index)),
    snapshot: ({ words: [from, to] }) => this.#sendSnapshot(from!, to!),
    status: ({ words, settings }) => this.#status(words, settings['windows'] === 'on'),
  };

  /** What came of a command, line by line. */
  play(step: ScenarioStep): string {
    if (step.verb === '') return '';
    const verb = this.#verbs[step.verb];
    assert(verb, `"${step.verb}" is a command of scenarios: ${Object.keys(this.#verbs).join(', ')}`);
    this.#lines = [];
    verb(step);
    this.#drain();
    this.#check();
    return this.#lines.join('\n') || 'nothing';
  }

  /** Whatever has happened, once everybody hears everybody there is a leader, and it commits at every member. */
  proveLiveness(): void {
    const cluster = this.#cluster;
    const all = [...cluster.hosts.keys()];
    for (let round = 0; round < 100; round++) {
      for (const name of all) cluster.tick(name);
      this.#settle([]);
      const [leader] = cluster.leaders().toSorted((x, y) => y.term - x.term);
      if (!leader) continue;
      this.#try(() => leader.propose(command('at last')));
      this.#settle([]);
      const { commitIndex, lastIndex, membership } = leader;
      const { voters, learners, outgoing = [] } = membership;
      const agree = [...voters, ...learners].every((name) => cluster.core(name).commitIndex === commitIndex);
      if (commitIndex === lastIndex && outgoing.length === 0 && agree) return;
    }
    assert(false, 'the cluster comes to agree from wherever a scenario has left it');
  }

  #say(line: string): void {
    this.#lines.push(line);
  }

  #each(words: readonly string[], action: (host: CoreHost, name: string) => void): void {
    for (const name of words) {
      action(this.#cluster.host(name), name);
      this.#drain();
    }
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#say(isTuttiError(thrown) ? thrown.code : String(thrown));
    }
  }

  #nodes({ words, settings }: ScenarioStep): void {
    const { learners, ...rest } = settings;
    this.#memberships.clear();
    // A number, on or off; or who has it on.
    const settingOf = (node: string, value: string): number | boolean => {
      if (value === 'on' || value === 'off') return value === 'on';
      return Number.isNaN(Number(value)) ? value.split(',').includes(node) : Number(value);
    };
    this.#cluster = new CoreCluster({
      voters: words,
      learners: learners?.split(',') ?? [],
      configOf: (node) =>
        Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, settingOf(node, value)])),
    });
  }

  /** Puts a log of these terms, one entry each, on a disk, and starts the node with it. */
  #writeLog(name: string, terms: readonly number[]): void {
    const host = this.#cluster.host(name);
    const entries = terms.map((value, i): Entry => {
      const data = command(`${i + 1}`);
      return { index: logIndex(i + 1), term: term(value), kind: 'command', data };
    });
    const hardState = { term: term(Math.max(0, ...terms)), votedFor: undefined };
    host.disk.write({ sequence: 0, hardState, entries });
    host.crash();
  }

  #propose(name: string, texts: readonly string[]): void {
    for (const text of texts)
      this.#try(() => {
        if (this.#cluster.core(name).propose(command(text)) === undefined) this.#say(`${name} does not lead`);
      });
  }

  #persist(host: CoreHost): void {
    this.#say(`${host.core.id} ${host.flushOne() ? 'flushes' : 'has nothing to flush'}`);
  }

  #matching({ words, settings }: ScenarioStep): RaftMessage[] {
    const { messages } = this.#cluster;
    const matching = messages.filter(
      (message) =>
        (!settings['from'] || settings['from'].split(',').includes(message.from)) &&
        (!settings['to'] || settings['to'].split(',').includes(message.to)) &&
        (words.length === 0 || words.includes(message.type)),
    );
    const skipped = Number(settings['skip'] ?? 0);
    return matching.slice(skipped, skipped + Number(settings['only'] ?? matching.length));
  }

  /** One pass over the messages that fit: what they set off stays in the bag. */
  #deliver(step: ScenarioStep, how: 'deliver' | 'drop' | 'repeat' | 'jam'): void {
    const { messages } = this.#cluster;
    for (const message of this.#matching(step)) {
      if (how !== 'repeat') messages.splice(messages.indexOf(message), 1);
      const isLost = how === 'drop' || this.#cluster.host(message.to).isDamaged;
      this.#say(`${BEFORE[isLost ? 'drop' : how] ?? ''}${shownMessage(message)}`);
      if (isLost) continue;
      // The link took nothing, and its sender knows.
      if (how === 'jam') this.#cluster.core(message.from).unsent(message);
      else this.#cluster.host(message.to).core.step(message);
      this.#drain();
    }
  }

  /** Flushes and delivers until nothing moves; only what has become of the nodes is written down. */
  #settle(without: readonly string[]): void {
    const said = this.#lines;
    this.#lines = [];
    const { messages, hosts } = this.#cluster;
    for (let round = 0; round < 1_000; round++) {
      for (const host of hosts.values()) while (this.#drainOne(host) || host.flushOne());
      if (messages.length === 0) break;
      for (const message of messages.splice(0)) {
        const to = hosts.get(message.to);
        if (to?.isDamaged || without.includes(message.from) || without.includes(message.to)) continue;
        to?.core.step(message);
      }
    }
    this.#check();
    this.#lines = said;
    for (const name of hosts.keys()) this.#sayState(name);
  }

  /** Time passes at one node, and everything travels, tick by tick. */
  #pass({ words, settings }: ScenarioStep): void {
    for (let i = 0; i < Number(settings['times'] ?? 1); i++) {
      for (const name of words) this.#cluster.tick(name);
      this.#settle((settings['without'] ?? '').split(','));
    }
  }

  #change(step: ScenarioStep): void {
    const { core } = this.#cluster.host(step.words[0]!);
    const id = step.settings['id'] ?? `change ${++this.#changes}`;
    this.#try(() => {
      const outcome = core.changeMembership(id, changeOf(step), Number(step.settings['wait'] ?? 100));
      this.#say(outcome ?? `${core.id} does not lead`);
    });
  }

  #transfer(from: string, to: string | undefined): void {
    this.#try(() => {
      const target = this.#cluster.core(from).transferLeadership(to === undefined ? undefined : nodeId(to));
      this.#say(`${from} hands over to ${target}`);
    });
  }

  #elect(name: string): void {
    this.#cluster.elect(name);
    this.#settle([]);
  }

  #compact(name: string, index: number): void {
    const { disk, core } = this.#cluster.host(name);
    disk.compact(this.#metaAt(name, index));
    this.#say(
      `${name} has a snapshot at ${index}, its log goes from ${disk.firstIndex} to ${core.lastIndex}`,
    );
  }

  #metaAt(name: string, index: number): SnapshotMeta {
    const { disk, core } = this.#cluster.host(name);
    return {
      index: logIndex(index),
      term: disk.termAt(logIndex(index))!,
      membership: core.membershipAt(logIndex(index)),
    };
  }

  /** The leader's snapshot, in one chunk, which arrives. */
  #sendSnapshot(from: string, to: string): void {
    const sender = this.#cluster.host(from);
    const meta = sender.disk.snapshot()?.meta;
    assert(meta, 'a snapshot that is sent is there');
    const data = new Uint8Array(1);
    this.#cluster.host(to).core.step({
      type: 'installSnapshot',
      from: nodeId(from),
      to: nodeId(to),
      term: sender.core.term,
      meta,
      offset: 0,
      totalBytes: 1,
      data,
      dataChecksum: 0,
      checksum: 0,
    });
  }

  #status(words: readonly string[], showsWindows: boolean): void {
    const names = words.length > 0 ? words : [...this.#cluster.hosts.keys()];
    for (const name of names) {
      const { core, disk } = this.#cluster.host(name);
      const log = disk.all().map((entry) => `${entry.index}@${entry.term}`);
      const snapshot = disk.snapshot()?.meta.index;
      const before = snapshot === undefined ? '' : ` snapshot ${snapshot}`;
      this.#say(
        `${stateOf(name, core)} durable ${core.durableIndex}${before} disk ${log.join(' ')}`.trimEnd(),
      );
      for (const peer of core.progress())
        this.#say(
          `  ${peer.peer} ${peer.state} match ${peer.matchIndex} next ${peer.nextIndex}${showsWindows ? ` window ${peer.windowMessages}` : ''}`,
        );
    }
  }

  #drain(): void {
    for (const host of this.#cluster.hosts.values()) while (this.#drainOne(host));
    for (const name of this.#cluster.hosts.keys()) this.#sayState(name);
  }

  /** Does what one core wants, and says so; what it wrote waits to be flushed. */
  #drainOne(host: CoreHost): boolean {
    const before = this.#cluster.messages.length;
    const [lostBefore, readsBefore] = [host.lostReads.length, host.reads.length];
    const { core } = host;
    const readies = host.drain();
    for (const { persist, committed, snapshotChunks, install, snapshotsTo, reversions } of readies) {
      if (persist) {
        const { hardState, entries } = persist;
        const state = hardState ? ` t${hardState.term} vote ${hardState.votedFor ?? 'none'}` : '';
        this.#say(`${core.id} writes${state}${entries.map((entry) => ` ${shownEntry(entry)}`).join('')}`);
      }
      for (const entry of committed) this.#noteCommit(core.id, entry);
      for (const { peer, acknowledged, hint } of reversions)
        this.#say(`${core.id} finds that ${peer} lost what it acknowledged: ${acknowledged}, has ${hint}`);
      for (const peer of snapshotsTo) this.#say(`${core.id} has a snapshot to send to ${peer}`);
      for (const chunk of snapshotChunks) core.snapshotReceived(chunk.meta);
      if (install) {
        this.#say(`${core.id} installs the snapshot at ${install.index}`);
        host.disk.replaceBy(install);
        core.restored(install);
      }
    }
    for (const { requestId, index } of host.reads.slice(readsBefore))
      this.#say(`${core.id} answers read ${requestId} at ${index}`);
    for (const requestId of host.lostReads.slice(lostBefore)) this.#say(`${core.id} lost read ${requestId}`);
    for (const message of this.#cluster.messages.slice(before)) this.#say(`  ${shownMessage(message)}`);
    return readies.length > 0;
  }

  #noteCommit(name: string, entry: Entry): void {
    const what = shownEntry(entry);
    this.#say(`${name} commits ${what}`);
    const known = this.#committed.get(entry.index);
    assert(known === undefined || known === what, `${name} commits ${what}, where ${known} was committed`);
    this.#committed.set(entry.index, what);
  }

  #sayState(name: string): void {
    const core = this.#cluster.core(name);
    const state = stateOf(name, core);
    if (this.#states.get(name) !== state) this.#say(state);
    this.#states.set(name, state);
    const membership = `${name} ${shownMembership(core.membership)}`;
    const before = this.#memberships.get(name);
    // The first is what the scenario begins with, and says itself.
    if (before !== undefined && before !== membership) this.#say(membership);
    this.#memberships.set(name, membership);
  }

  #check(): void {
    for (const core of this.#cluster.leaders()) {
      const known = this.#leaders.get(core.term);
      assert(known === undefined || known === core.id, `${known} and ${core.id} both lead term ${core.term}`);
      this.#leaders.set(core.term, core.id);
    }
  }
}

const stateOf = (name: string, { role, term: now, commitIndex, lastIndex }: CoreHost['core']): string =>
  `${name} ${role} t${now} commit ${commitIndex} last ${lastIndex}`;

/** How a message is shown that does not arrive. */
const BEFORE: { readonly [how: string]: string } = { drop: 'lost: ', jam: 'not taken: ' };
