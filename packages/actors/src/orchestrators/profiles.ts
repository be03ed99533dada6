import { TuttiError } from '@tutti/kernel';

/** Which plans an orchestrator's tasks may be in: the higher include the lower. */
export type ComplexityLevel = 'simple' | 'medium' | 'complex';

/**
 * What an orchestrator is good for and how much it takes on: a record with the field names of the multi-orchestrator
 * specification, kept in snake case so that a profile written for that can be read here as it stands.
 */
export interface OrchestratorProfile {
  /** Such as `backend-orchestrator`. */
  readonly id: string;
  readonly name: string;
  readonly role: 'sub_orchestrator';
  readonly specialization: Specialization;
  readonly capabilities: {
    readonly domain_expertise: readonly string[];
    /** Tasks it runs at once on each node, from 1 to 1,000: an admission limit that the task board enforces. */
    readonly max_concurrent_tasks: number;
    readonly complexity_level: ComplexityLevel;
  };
  /** Names of the workers' capability profiles under it. */
  readonly droids: readonly string[];
}

/** What an orchestrator knows about. */
export interface Specialization {
  /** One word: what plans call the orchestrator. */
  readonly domain: string;
  readonly frameworks?: readonly string[];
  readonly platforms?: readonly string[];
  readonly expertise: readonly string[];
}

/** The orchestrator of orchestrators: what it may do, and by which policies. */
export interface MasterProfile {
  readonly id: string;
  readonly name: string;
  readonly role: 'master';
  readonly capabilities: {
    readonly task_decomposition: boolean;
    readonly orchestrator_delegation: boolean;
    readonly cross_orchestrator_coordination: boolean;
    readonly conflict_mediation: boolean;
  };
  readonly coordination_strategy: {
    /** Which task of those that are ready goes first. */
    readonly delegation_policy: 'critical-path-first';
    /** `tight`: through the log, linearizable. The one mode there is. */
    readonly synchronization_mode: 'tight';
    /** See `chooseRecovery`. */
    readonly failure_handling: 'recover-by-impact';
  };
}

/** Of the orchestrator that plans call `frontend`. */
export const frontendProfile: OrchestratorProfile = {
  id: 'frontend-orchestrator',
  name: 'Frontend Development Orchestrator',
  role: 'sub_orchestrator',
  specialization: {
    domain: 'frontend',
    frameworks: ['React', 'Next.js', 'Vue', 'Angular'],
    expertise: ['UI/UX', 'Performance', 'Accessibility', 'State Management'],
  },
  capabilities: {
    domain_expertise: [
      'Component architecture',
      'State management',
      'CSS/Styling',
      'Performance optimization',
      'Accessibility compliance',
      'Responsive design',
    ],
    max_concurrent_tasks: 5,
    complexity_level: 'complex',
  },
  droids: ['frontend-developer', 'ui-ux-designer', 'performance-engineer', 'mobile-developer'],
};

/** Of the orchestrator that plans call `backend`. */
export const backendProfile: OrchestratorProfile = {
  id: 'backend-orchestrator',
  name: 'Backend Development Orchestrator',
  role: 'sub_orchestrator',
  specialization: {
    domain: 'backend',
    frameworks: ['Node.js', 'Express', 'NestJS', 'FastAPI'],
    expertise: ['API Design', 'Database', 'Microservices', 'Security'],
  },
  capabilities: {
    domain_expertise: [
      'API architecture',
      'Database design',
      'Authentication/Authorization',
      'Microservices',
      'Message queues',
      'Caching strategies',
    ],
    max_concurrent_tasks: 5,
    complexity_level: 'complex',
  },
  droids: [
    'backend-architect',
    'backend-typescript-architect',
    'database-admin',
    'security-auditor',
    'api-documenter',
  ],
};

/** Of the orchestrator that plans call `devops`. */
export const devopsProfile: OrchestratorProfile = {
  id: 'devops-orchestrator',
  name: 'DevOps & Infrastructure Orchestrator',
  role: 'sub_orchestrator',
  specialization: {
    domain: 'devops',
    platforms: ['AWS', 'GCP', 'Azure', 'Kubernetes'],
    expertise: ['CI/CD', 'Infrastructure', 'Monitoring', 'Deployment'],
  },
  capabilities: {
    domain_expertise: [
      'CI/CD pipelines',
      'Infrastructure as Code',
      'Container orchestration',
      'Monitoring and alerting',
      'Security hardening',
      'Disaster recovery',
    ],
    max_concurrent_tasks: 4,
    complexity_level: 'complex',
  },
  droids: ['devops-specialist', 'deployment-specialist', 'cloud-architect', 'terraform-specialist'],
};

/** The specification draws this one and never defines it; the definition is ours. */
export const testingProfile: OrchestratorProfile = {
  id: 'testing-orchestrator',
  name: 'Testing & Quality Orchestrator',
  role: 'sub_orchestrator',
  specialization: {
    domain: 'testing',
    frameworks: ['Vitest', 'Playwright', 'k6', 'OWASP ZAP'],
    expertise: ['Integration', 'End-to-end', 'Performance', 'Security'],
  },
  capabilities: {
    domain_expertise: [
      'Test strategy',
      'API integration tests',
      'End-to-end flows',
      'Load and performance tests',
      'Security tests',
      'Regression triage',
    ],
    max_concurrent_tasks: 4,
    complexity_level: 'complex',
  },
  droids: ['test-engineer', 'e2e-tester', 'load-tester', 'security-tester'],
};

/** Of the master: everything it can do is switched on. */
export const masterProfile: MasterProfile = {
  id: 'master-orchestrator',
  name: 'Master Orchestrator',
  role: 'master',
  capabilities: {
    task_decomposition: true,
    orchestrator_delegation: true,
    cross_orchestrator_coordination: true,
    conflict_mediation: true,
  },
  coordination_strategy: {
    delegation_policy: 'critical-path-first',
    synchronization_mode: 'tight',
    failure_handling: 'recover-by-impact',
  },
};

/** The profiles that come with Tutti, in the order they are shown. */
export const PROFILES: readonly OrchestratorProfile[] = [
  frontendProfile,
  backendProfile,
  devopsProfile,
  testingProfile,
];

/** A profile that comes with Tutti, by its domain (`backend`) or its id (`backend-orchestrator`). */
export function profileOf(name: string): OrchestratorProfile | undefined {
  return PROFILES.find(({ id, specialization }) => specialization.domain === name || id === name);
}

/**
 * Looks at a profile that somebody brings, as an untyped value.
 * @throws TuttiError `TUTTI_PROFILE_INVALID` naming the first field that is wrong
 */
export function checkProfile(value: unknown): OrchestratorProfile {
  const profile = fieldsOf(value);
  const capabilities = fieldsOf(profile['capabilities']);
  const specialization = fieldsOf(profile['specialization']);
  const max = capabilities['max_concurrent_tasks'];
  const checks: [field: string, value: unknown, ok: boolean, expected: string][] = [
    ['id', profile['id'], isText(profile['id']), 'a text'],
    ['name', profile['name'], isText(profile['name']), 'a text'],
    ['role', profile['role'], profile['role'] === 'sub_orchestrator', 'sub_orchestrator'],
    ['specialization.domain', specialization['domain'], isText(specialization['domain']), 'a text'],
    ...['frameworks', 'platforms'].map((name): [string, unknown, boolean, string] => {
      const list = specialization[name];
      return [
        `specialization.${name}`,
        list,
        list === undefined || isTexts(list),
        'a list of texts, or nothing',
      ];
    }),
    [
      'specialization.expertise',
      specialization['expertise'],
      isTexts(specialization['expertise']),
      'a list of texts',
    ],
    [
      'capabilities.domain_expertise',
      capabilities['domain_expertise'],
      isTexts(capabilities['domain_expertise']),
      'a list of texts',
    ],
    ['capabilities.max_concurrent_tasks', max, isLimit(max), 'a whole number from 1 to 1,000'],
    [
      'capabilities.complexity_level',
      capabilities['complexity_level'],
      isComplexity(capabilities['complexity_level']),
      'simple, medium or complex',
    ],
    ['droids', profile['droids'], isTexts(profile['droids']), 'a list of texts'],
  ];
  const wrong = checks.find(([, , ok]) => !ok);
  if (!wrong) return value as OrchestratorProfile;
  const [field, found, , expected] = wrong;
  const details = {
    profile: String(profile['id']),
    field,
    value: JSON.stringify(found) ?? 'missing',
    expected,
  };
  throw new TuttiError('TUTTI_PROFILE_INVALID', details);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isLimit(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= 1_000;
}

function isComplexity(value: unknown): boolean {
  return value === 'simple' || value === 'medium' || value === 'complex';
}
