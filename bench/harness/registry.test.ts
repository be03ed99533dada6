import { expect, test } from 'vitest';
import { caseIds, loadCases } from './registry.ts';

const cases = await loadCases();

test('every case file exports the case that its name says', () => {
  expect(cases.map(({ id }) => id)).toEqual(caseIds());
});

test('every case has something of ours, and everybody says how they were set up', () => {
  for (const { id, subjects } of cases) {
    expect(
      subjects.map(({ kind }) => kind),
      id,
    ).toContain('ours');
    expect(new Set(subjects.map((subject) => subject.id)).size, id).toBe(subjects.length);
    for (const { configuration } of subjects) expect(configuration.length, id).toBeGreaterThan(5);
  }
});

test('every target and percentile names a figure and a subject that there are', () => {
  for (const { id, figures, subjects, targets } of cases) {
    const ids = figures.map((figure) => figure.id);
    expect(new Set(ids).size, id).toBe(ids.length);
    for (const { figure, against } of targets) {
      expect(ids, id).toContain(figure);
      if (against)
        expect(
          subjects.map((subject) => subject.id),
          id,
        ).toContain(against.subject);
      if (against?.figure) expect(ids, id).toContain(against.figure);
    }
    for (const subject of subjects)
      for (const figure of subject.figures ?? []) expect(ids, `${id} ${subject.id}`).toContain(figure);
  }
});

test('each floor has the arithmetic of its limit, or says why there is none', () => {
  const without = cases.flatMap(({ id, targets, limits = [] }) =>
    targets
      .filter(({ level, figure, noLimit }) => {
        const isExplained = noLimit !== undefined || limits.some((limit) => limit.figure === figure);
        return level === 'floor' && !isExplained;
      })
      .map(({ figure }) => `${id}.${figure}`),
  );
  expect(without).toEqual([]);
});

test('the arithmetic of a limit is about a line, and made of numbers that its subjects give', () => {
  for (const { id, figures, subjects, targets, limits = [] } of cases)
    for (const { figure, needs } of limits) {
      expect(
        targets.map((one) => one.figure),
        id,
      ).toContain(figure);
      for (const [name, needed] of needs) {
        const subject = subjects.find((one) => one.id === name);
        const given = subject && (subject.figures ?? figures.map((one) => one.id));
        expect(given, `${id}, limit of ${figure}: ${name}`).toContain(needed);
      }
    }
});

test('each floor of tasks is explained, whether or not the load that is asked for was carried', () => {
  for (const absent of ['task', 'task-half'])
    for (const { id, figures, targets, limits = [] } of cases.filter((one) => ['S1', 'S2'].includes(one.id)))
      for (const { figure } of targets.filter(({ level }) => level === 'floor')) {
        const isMet = figure === 'offered' && absent === 'task-half';
        const texts = limits.flatMap((limit) =>
          limit.figure === figure
            ? (limit.explain((_, needed) => {
                const spec = figures.find((one) => one.id === needed);
                return spec?.percentile?.of === absent ? undefined : 1_000;
              }) ?? [])
            : [],
        );
        if (!isMet) expect(texts, `${id}.${figure} without ${absent}`).toHaveLength(1);
      }
});

test('each floor’s case is profiled, so that beside an unmet one stands where the time went', () => {
  const without = cases.filter(
    ({ targets, isProfiled }) => isProfiled === false && targets.some(({ level }) => level === 'floor'),
  );
  expect(without.map(({ id }) => id)).toEqual([]);
});

test('quick and full sizes have the same names, and quick is not larger in time', () => {
  for (const { id, sizes } of cases) {
    expect(Object.keys(sizes.quick).sort(), id).toEqual(Object.keys(sizes.full).sort());
    for (const [name, value] of Object.entries(sizes.quick))
      expect(value, `${id} ${name}`).toBeLessThanOrEqual(sizes.full[name]!);
  }
});

test('a subject’s code is there', async () => {
  for (const { id, subjects } of cases)
    for (const subject of subjects.filter(({ kind }) => kind !== 'peer'))
      expect(typeof (await subject.load()), `${id} ${subject.id}`).toBe('function');
});

test('a case that is not there is named, with those that are', async () => {
  await expect(loadCases(['r1', 'Z9'])).rejects.toThrow(/no case Z9; there are .*R1/);
});
