import { createNode, replying } from 'tutti';

const spec = JSON.parse(process.argv[2]!) as {
  name: string;
  dir: string;
  port: number;
  names: string[];
  ports: number[];
  keys: { publicKey: string; secretKey: string }[];
};
const at = spec.names.indexOf(spec.name);
const node = createNode({
  name: spec.name,
  cluster: 'kills',
  dataDir: spec.dir,
  keys: spec.keys[at]!,
  orchestration: false,
  listen: { port: spec.port },
  voters: spec.names,
  peers: spec.names.flatMap((name, i) =>
    name === spec.name
      ? []
      : [
          {
            nodeId: name as never,
            url: `ws://127.0.0.1:${spec.ports[i]}`,
            publicKey: spec.keys[i]!.publicKey,
          },
        ],
  ),
});
node.entity(
  'counter',
  replying<number, { type: 'add'; by: number } | { type: 'read' }>((total, event, answer) => {
    const next = event.type === 'add' ? total + event.by : total;
    answer(next);
    return next;
  }, 0),
);
process.on('message', (m: { t: string; id: number; key: string }) => {
  if (m.t === 'ask')
    node
      .ref('counter', m.key)
      .ask({ type: 'add', by: 1 }, { timeoutMs: 2_000 })
      .then(
        (v) => process.send!({ t: 'ok', id: m.id, v }),
        (e: Error) => process.send!({ t: 'err', id: m.id, e: e.message }),
      );
  if (m.t === 'read')
    node
      .ref('counter', m.key)
      .ask({ type: 'read' }, { timeoutMs: 10_000 })
      .then(
        (v) => process.send!({ t: 'ok', id: m.id, v }),
        (e: Error) => process.send!({ t: 'err', id: m.id, e: e.message }),
      );
  if (m.t === 'status') {
    const s = node.status();
    process.send!({
      t: 'ok',
      id: m.id,
      v: {
        entities: s.entities,
        leader: node.parts.consensus.status().leader,
        shards: s.shards,
        moving: s.moving,
      },
    });
  }
});
await node.start();
process.send!({ t: 'up' });
