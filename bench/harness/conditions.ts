import type { ResultDocument } from './results.ts';

/** What a run was made with. */
export type Conditions = Pick<ResultDocument, 'quick' | 'machine' | 'settings'>;

/** What figures that stand beside each other have to have in common, each in a word. */
function named({ quick, machine }: Conditions): Record<string, string | undefined> {
  const { processor, cores, system, node, disk, versions } = machine;
  return {
    sizes: quick ? 'quick' : 'full',
    processor: `${processor}, ${cores} cores`,
    system,
    Node: node,
    disk,
    peers: Object.entries(versions)
      .map((pair) => pair.join(' '))
      .sort()
      .join(', '),
  };
}

/** And what the parts of one run have to have in common besides. */
function namedOfOneRun({ machine, settings }: Conditions): Record<string, string | undefined> {
  return {
    commit: machine.commit,
    settings: settings && JSON.stringify(settings),
  };
}

/** Where two runs differ so that figures of one do not belong beside those of the other. What one of them does not say is not compared. */
export function differences(there: Conditions, here: Conditions): string[] {
  return differencesOf(named(there), named(here));
}

/** Where two runs differ so that they are not one run in two parts. */
export function differencesOfParts(there: Conditions, here: Conditions): string[] {
  return [...differences(there, here), ...differencesOf(namedOfOneRun(there), namedOfOneRun(here))];
}

function differencesOf(
  there: Readonly<Record<string, string | undefined>>,
  here: Readonly<Record<string, string | undefined>>,
): string[] {
  return Object.entries(there).flatMap(([name, value]) => {
    const now = here[name];
    return value === undefined || now === undefined || value === now ? [] : [`${name} ${value}, now ${now}`];
  });
}
