import {
  CHANNEL,
  incarnation,
  nodeId,
  type PeerIdentity,
  runVirtual,
  seededRandom,
  silentLogger,
  VirtualClock,
} from '@tutti/kernel';
import { expect, it } from 'vitest';
import { FaultyHost } from '../testing/faulty-host.ts';
import { MemoryNetwork } from '../testing/memory-network.ts';
import { clusterConfig } from './cluster-config.ts';
import { Prober } from './prober.ts';

const CONFIG = clusterConfig();
const [FIRST, SECOND] = [1, 2].map((life) => ({
  nodeId: nodeId('other'),
  incarnation: incarnation(life),
})) as [PeerIdentity, PeerIdentity];

/** A prober, and what another node, of which each life answers its probes, has the prober say of it. */
function watching() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, seededRandom(1));
  const plug = (self: PeerIdentity) => {
    const transport = network.attach(self, new FaultyHost(clock));
    void transport.open();
    return transport;
  };
  const transport = plug({ nodeId: nodeId('self'), incarnation: incarnation(1) });
  const said: boolean[] = [];
  const prober = new Prober({
    transport,
    clock,
    logger: silentLogger,
    config: CONFIG,
    onSuspicion: (_node, suspected) => said.push(suspected),
  });
  prober.start();
  const boot = (life: PeerIdentity) => {
    const other = plug(life);
    other.onMessage(CHANNEL.probes, (from) => void other.send(from.nodeId, CHANNEL.probes, { t: 'pong' }));
  };
  const crash = () => {
    network.ends.get(FIRST.nodeId)!.host.crash();
    network.crashed(FIRST.nodeId);
  };
  const pass = async (durationMs: number) => {
    const end = clock.now() + durationMs;
    clock.setTimer(durationMs, () => {});
    await runVirtual(clock, () => clock.now() >= end);
  };
  return { prober, boot, crash, pass, said };
}

it('suspects a life of which a later one links at once, right after the grace', async () => {
  const { prober, boot, crash, pass, said } = watching();
  boot(FIRST);
  prober.follow([FIRST]);
  await pass(2_000);
  expect(said).toEqual([]);
  crash();
  boot(SECOND);
  await pass(CONFIG.linkDownGraceMs + 2 * CONFIG.probeIntervalMs);
  expect(said).toEqual([true]);
  await pass(10_000);
  expect(said).toEqual([true]);
});

it('suspects a life that it begins to follow while it is a later one that answers, until that has joined', async () => {
  const { prober, boot, pass, said } = watching();
  boot(SECOND);
  await pass(1_000);
  prober.follow([FIRST]);
  await pass(10_000);
  expect(said).toEqual([true]);
  prober.follow([SECOND]);
  expect(said).toEqual([true, false]);
  await pass(10_000);
  expect(said).toEqual([true, false]);
});
