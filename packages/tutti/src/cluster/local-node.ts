import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type PeerAddress, TuttiError } from '@tutti/kernel';
import type { Launcher } from './launcher.ts';
import {
  type FromNode,
  type LauncherRequest,
  type NodeProcessConfig,
  type ToNode,
  toldError,
} from './process-messages.ts';

/** How long a node may take to leave when asked to, before it is killed. */
const STOP_DEADLINE_MS = 5000;
/** How much of a node's output is kept to explain why it died. */
const OUTPUT_TAIL_CHARACTERS = 8000;

// From source this file ends in .ts, as published in .js, and so does its neighbour.
const entry = join(import.meta.dirname, `node-process${extname(import.meta.filename)}`);

/** One node of a local cluster: a process of its own, and what is known of it from outside. */
export class LocalNode {
  readonly id: string;
  readonly directory: string;
  readonly #process: ChildProcess;
  readonly #launcher: Launcher;
  readonly #exited: Promise<void>;
  readonly #waiting = new Set<(message: FromNode | undefined) => void>();
  #output = '';
  #running = true;
  #adminUrl: string | undefined;

  /** @param launcher Does what the node is asked for and cannot do itself. */
  constructor(config: NodeProcessConfig, launcher: Launcher) {
    this.#launcher = launcher;
    this.id = config.node;
    this.directory = config.directory;
    this.#process = fork(entry, [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'json',
      // A group of its own: Ctrl-C reaches the launcher only, and what a killed node leaves behind can be ended with it.
      detached: process.platform !== 'win32',
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_TAIL_CHARACTERS);
      });
    this.#process.on('message', (message: FromNode) => this.#told(message));
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', () => {
        this.#running = false;
        this.#endLeftovers();
        for (const waiter of this.#waiting) waiter(undefined);
        resolve();
      });
    });
    this.#send({ type: 'configure', config });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Known once {@link ready} has resolved. */
  get adminUrl(): string | undefined {
    return this.#adminUrl;
  }

  /** Resolves when the process is gone, for whatever reason. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** The last that the process printed, for explaining its end. */
  get outputTail(): string {
    return this.#output;
  }

  /** Where it listens for its peers. @throws the node's own error, or TuttiError `TUTTI_NODE_DIED` */
  async listening(): Promise<PeerAddress> {
    const message = await this.#next((candidate) => candidate.type === 'listening');
    return (message as Extract<FromNode, { type: 'listening' }>).address;
  }

  /** Tells it of a node that is about to join. */
  meet(peer: PeerAddress): void {
    this.#send({ type: 'newcomer', peer });
  }

  introduce(peers: readonly PeerAddress[]): void {
    this.#send({ type: 'peers', peers });
  }

  /** Resolves when the node serves. @throws the node's own error, or TuttiError `TUTTI_NODE_DIED` */
  async ready(): Promise<void> {
    if (this.#running && this.#adminUrl !== undefined) return;
    await this.#next((candidate) => candidate.type === 'ready');
  }

  /** Ends it at once, with everything that it started. */
  async kill(): Promise<void> {
    if (this.#running) this.#process.kill('SIGKILL');
    await this.#exited;
  }

  /** Asks it to hand over and leave, and kills it when that takes too long. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#send({ type: 'stop' });
    const deadline = setTimeout(() => this.#process.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.#exited;
    clearTimeout(deadline);
  }

  #send(message: ToNode): void {
    if (this.#running && this.#process.connected) this.#process.send(message, () => {});
  }

  #told(message: FromNode): void {
    if (message.type === 'ready') this.#adminUrl = message.adminUrl;
    if (message.type === 'request') void this.#carryOut(message.id, message.request);
    for (const waiter of Array.from(this.#waiting)) waiter(message);
  }

  async #carryOut(id: number, request: LauncherRequest): Promise<void> {
    try {
      const added = request.verb === 'add' ? await this.#launcher.add(request.options) : undefined;
      if (request.verb === 'remove') await this.#launcher.remove(request.node);
      this.#send({ type: 'answer', id, added });
    } catch (thrown) {
      this.#send({ type: 'answer', id, error: toldError(thrown) });
    }
  }

  #next(wanted: (message: FromNode) => boolean): Promise<FromNode> {
    return new Promise((resolve, reject) => {
      const died = () =>
        reject(
          new TuttiError('TUTTI_NODE_DIED', {
            node: this.id,
            output: this.#output.trim() || 'it printed nothing',
          }),
        );
      if (!this.#running) return died();
      const waiter = (message: FromNode | undefined) => {
        if (message && message.type !== 'failed' && !wanted(message)) return;
        this.#waiting.delete(waiter);
        if (!message) died();
        else if (message.type === 'failed') reject(TuttiError.fromJSON(message.error));
        else resolve(message);
      };
      this.#waiting.add(waiter);
    });
  }

  /**
   * A process killed with -9 cannot end its own children. Those in its group are ended with the group; shell workers
   * have groups of their own, whose leaders it has noted in its folder.
   */
  #endLeftovers(): void {
    if (this.pid !== undefined) endGroup(this.pid);
    const notes = join(this.directory, 'workers');
    try {
      for (const name of readdirSync(notes)) if (/^\d+$/.test(name)) endGroup(Number(name));
      rmSync(notes, { recursive: true, force: true });
    } catch {
      // No such folder: it ran no shell worker.
    }
  }
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left in that group.
  }
}
