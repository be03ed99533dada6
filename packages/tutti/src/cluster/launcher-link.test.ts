import { describe, expect, it } from 'vitest';
import { LauncherLink } from './launcher-link.ts';
import type { FromNode } from './process-messages.ts';

function link(): { launcher: LauncherLink; sent: FromNode[] } {
  const sent: FromNode[] = [];
  const launcher = new LauncherLink((message) => {
    sent.push(message);
    return Promise.resolve();
  });
  return { launcher, sent };
}

describe('the way to the launcher', () => {
  it('gives each request the answer that is meant for it, whatever order they come in', async () => {
    const { launcher, sent } = link();
    const adding = launcher.add({ node: 'n4' });
    const removing = launcher.remove('n2');
    expect(sent).toMatchObject([
      { id: 1, request: { verb: 'add', options: { node: 'n4' } } },
      { id: 2, request: { verb: 'remove', node: 'n2' } },
    ]);
    const details = { node: 'n2', what: 'removed' };
    launcher.answered({ type: 'answer', id: 2, error: { code: 'TUTTI_NOT_A_MEMBER', message: '', details } });
    launcher.answered({ type: 'answer', id: 9 });
    const added = { node: 'n4', pid: 4, adminUrl: 'http://127.0.0.1:4' };
    launcher.answered({ type: 'answer', id: 1, added });
    await expect(adding).resolves.toEqual(added);
    await expect(removing).rejects.toMatchObject({ code: 'TUTTI_NOT_A_MEMBER', details });
  });

  it('takes 64 requests at once and refuses more', async () => {
    const { launcher, sent } = link();
    const waiting = Array.from({ length: 64 }, () => launcher.remove('n2'));
    await expect(launcher.remove('n2')).rejects.toMatchObject({ code: 'TUTTI_OVERLOADED' });
    expect(sent).toHaveLength(64);
    for (let id = 1; id <= 64; id++) launcher.answered({ type: 'answer', id });
    await Promise.all(waiting);
  });
});
