import { CHANNEL, incarnation, nodeId, silentLogger, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { FRAME, frameOf } from '../codec/frame.ts';
import { type TransportLimits, transportLimits } from '../codec/limits.ts';
import { Refusals } from '../session/refusals.ts';
import { Subscriptions } from '../session/subscriptions.ts';
import { Tally } from '../session/tally.ts';
import type { LaneSocketReader } from './lane-socket.ts';
import { type LaneConnection, Link } from './link.ts';

const WIRE_VERSION = 1;
const peer = { nodeId: nodeId('b'), incarnation: incarnation(1) };

/** A connection whose operating system takes what it is told to. */
class Wire implements LaneConnection {
  bufferedBytes = 0;
  takes = true;
  reader: LaneSocketReader | undefined;
  #written: (() => void)[] = [];

  read(reader: LaneSocketReader): void {
    this.reader = reader;
  }

  write(frame: Uint8Array, written: () => void): void {
    if (this.takes) return written();
    this.bufferedBytes += frame.length;
    this.#written.push(written);
  }

  /** Takes the oldest frame only. */
  takeOne(): void {
    this.#written.shift()?.();
  }

  close(): void {}
  terminate(): void {}
}

function linked(given: Partial<TransportLimits> = {}) {
  const clock = new VirtualClock();
  const limits = transportLimits(given);
  const tally = new Tally();
  const subscriptions = new Subscriptions(tally, silentLogger);
  const refusals = new Refusals(clock, tally, silentLogger);
  const downs: string[] = [];
  subscriptions.listen({ linkUp() {}, linkDown: (_, reason) => void downs.push(reason) });
  const wires = { control: new Wire(), bulk: new Wire() };
  const deps = { clock, limits, tally, subscriptions, refusals, down: () => {} };
  const link = new Link(peer, WIRE_VERSION, wires, deps);
  link.start();
  return { clock, link, wires, downs, tally };
}

const ping = frameOf(WIRE_VERSION, FRAME.ping);

describe('a link', () => {
  it('counts what it had taken and not sent when it goes down', () => {
    const { link, wires, tally } = linked({ highWaterBytes: 100 });
    wires.bulk.takes = false;
    for (let i = 0; i < 5; i++) {
      expect(link.send(CHANNEL.actors, 'x'.repeat(200), 'bulk')).toBe('queued');
      link.flush('bulk');
    }
    expect(tally.messagesSent).toBe(1);
    expect(link.send(CHANNEL.actors, 'staged', 'bulk')).toBe('queued');
    link.down('a test');
    expect(tally.messagesRefused).toBe(5);
  });

  it('answers probes, but holds no more answers than a lane may hold for a peer that does not read', () => {
    const { wires, tally } = linked({ highWaterBytes: 100 });
    wires.control.takes = false;
    for (let i = 0; i < 1_000; i++) wires.control.reader!.frame(ping);
    expect(wires.control.bufferedBytes).toBe(100);
    expect(tally.framesSent).toBe(25);
  });

  for (const lane of ['control', 'bulk'] as const) {
    it(`is dead when its ${lane} lane takes nothing, though the peer is heard all the time`, () => {
      const { clock, link, wires, downs } = linked({ laneStallPingsMax: 5 });
      wires[lane].takes = false;
      link.send(40, 'x', lane);
      link.flush(lane);
      for (let i = 0; i < 20 && downs.length === 0; i++) {
        wires.control.reader!.frame(ping);
        clock.advance(1_000);
      }
      expect(downs).toEqual([`the ${lane} lane is stuck`]);
    });

    it(`lives while its ${lane} lane takes anything at all`, () => {
      const { clock, link, wires, downs } = linked({ laneStallPingsMax: 5 });
      wires[lane].takes = false;
      for (let i = 0; i < 20; i++) {
        link.send(40, 'x', lane);
        link.flush(lane);
        wires.control.reader!.frame(ping);
        if (i % 4 === 0) wires[lane].takeOne();
        clock.advance(1_000);
      }
      expect(downs).toEqual([]);
    });
  }

  it('goes down at the first frame that is none, and delivers nothing of what follows', () => {
    const { wires, downs, tally } = linked();
    wires.bulk.reader!.frame(frameOf(WIRE_VERSION, FRAME.hello));
    wires.bulk.reader!.frame(frameOf(WIRE_VERSION, FRAME.data, Uint8Array.of(0, 0, 0, 1, 40, 7)));
    expect(downs).toHaveLength(1);
    expect(tally.messagesReceived).toBe(0);
    expect(tally.snapshot().rejected).toEqual({ TUTTI_FRAME_MALFORMED: 1 });
  });
});
