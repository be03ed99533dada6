import type { ClusterTest, TestCluster } from 'tutti/testing';
import { askAccount, type carefulAccount, type forgetfulAccount, OPENING, transfer } from './bank.ts';

const ACCOUNTS = ['anna', 'ben', 'cleo'];
const TRANSFERS = 25;

/** Money moves between three accounts while nodes crash and links break; at the end there is as much as before. */
export function bankTest(account: typeof forgetfulAccount | typeof carefulAccount): ClusterTest {
  return {
    nodes: 3,
    durationMs: 10_000,
    setup: (node) => {
      node.entity('account', account);
    },
    async workload(cluster) {
      for (let count = 1; count <= TRANSFERS; count++) {
        const [from, to] = cluster.random.shuffle(ACCOUNTS) as [string, string];
        await transfer(cluster, `transfer ${count}`, from, to, cluster.random.integer(1, 20));
        await cluster.sleep(cluster.random.integer(1, 500));
      }
    },
    async check(cluster) {
      const total = await sumOf(cluster);
      const expected = ACCOUNTS.length * OPENING;
      if (total !== expected) throw new Error(`the accounts hold ${total} together, and held ${expected}`);
    },
  };
}

async function sumOf(cluster: TestCluster): Promise<number> {
  let sum = 0;
  for (const key of ACCOUNTS) sum += await askAccount(cluster, key, { type: 'show' });
  return sum;
}
