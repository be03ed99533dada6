import { access } from 'node:fs/promises';
import type { WorkInput } from '@tutti/actors';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { SERVICE_PORT } from '../backend/orders.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';

const REPLICAS = 2;
const SERVICE_MEMORY_MB = 384;

export interface ComposeService {
  readonly image: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[];
  readonly volumes?: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly selector: Readonly<Record<string, unknown>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort: number }[];
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}

interface Container {
  readonly image: string;
  readonly ports: readonly { readonly containerPort: number }[];
  readonly resources: { readonly limits: { readonly memory: string } };
  readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
}

/**
 * "Container orchestration": an image, a compose file and Kubernetes manifests, read back and held against one
 * another: ports, images, hosts, labels, and the files that they mount.
 */
export async function orchestrateContainers(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const composeFile = await folder.write('deploy/compose.yaml', stringify(compose()));
  const manifests = [deployment(), serviceManifest()].map((value) => stringify(value)).join('---\n');
  const kubernetesFile = await folder.write('deploy/kubernetes.yaml', manifests);
  await folder.write('deploy/Dockerfile', dockerfile());
  const checks = new Checks();
  const written = parse(await folder.read(composeFile)) as Compose;
  await checkCompose(written, folder, checks);
  const documents = parseAllDocuments(await folder.read(kubernetesFile)).map((one) => one.toJS() as Manifest);
  checkKubernetes(documents, written, checks);
  return {
    compose: composeFile,
    kubernetes: kubernetesFile,
    image: 'deploy/Dockerfile',
    checks: checks.passed,
    infrastructure_provisions: {
      api: { port: SERVICE_PORT, replicas: REPLICAS, memoryMb: SERVICE_MEMORY_MB },
    },
  };
}

function compose(): Compose {
  return {
    services: {
      api: {
        image: 'storefront-api:1.0.0',
        ports: [`${SERVICE_PORT}:${SERVICE_PORT}`],
        environment: {
          DATABASE_URL: 'postgres://storefront@postgres:5432/storefront',
          CACHE_URL: 'redis://redis:6379',
        },
        depends_on: ['postgres', 'redis'],
      },
      postgres: {
        image: 'postgres:17.2-alpine',
        volumes: [
          '../database/migrations:/migrations:ro',
          '../database/postgresql.conf:/etc/postgresql/postgresql.conf:ro',
        ],
      },
      redis: { image: 'redis:7.4-alpine', volumes: ['../cache/redis.conf:/etc/redis/redis.conf:ro'] },
    },
  };
}

function deployment(): object {
  const labels = { app: 'storefront-api' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'storefront-api' },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: { ...labels } },
      template: {
        metadata: { labels: { ...labels } },
        spec: {
          containers: [
            {
              name: 'api',
              image: 'storefront-api:1.0.0',
              ports: [{ containerPort: SERVICE_PORT }],
              resources: { limits: { memory: `${SERVICE_MEMORY_MB}Mi`, cpu: '1' } },
              readinessProbe: { httpGet: { path: '/health', port: SERVICE_PORT } },
              securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true },
            },
          ],
        },
      },
    },
  };
}

function serviceManifest(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'storefront-api' },
    spec: { selector: { app: 'storefront-api' }, ports: [{ port: 80, targetPort: SERVICE_PORT }] },
  };
}

function dockerfile(): string {
  return [
    'FROM node:24.21.0-alpine',
    'WORKDIR /storefront',
    'COPY service ./service',
    'COPY site ./site',
    'COPY cache/policy.json ./cache/policy.json',
    'USER node',
    `EXPOSE ${SERVICE_PORT}`,
    `CMD ["node", "service/server.mjs", "--host", "0.0.0.0", "--port", "${SERVICE_PORT}"]`,
    '',
  ].join('\n');
}

async function checkCompose({ services }: Compose, folder: OutputFolder, checks: Checks): Promise<void> {
  for (const [name, service] of Object.entries(services)) {
    const pinned = /:\d+\.\d+/.test(service.image);
    checks.holds(`the image of ${name} is pinned`, pinned, service.image, 'a version with a minor number');
    for (const other of service.depends_on ?? []) {
      checks.holds(
        `${name} depends on a service`,
        other in services,
        other,
        Object.keys(services).join(', '),
      );
    }
    for (const url of Object.values(service.environment ?? {})) {
      const { hostname } = new URL(url);
      checks.holds(
        `${name} talks to a service`,
        hostname in services,
        hostname,
        Object.keys(services).join(', '),
      );
    }
    for (const volume of service.volumes ?? []) {
      const file = (volume.split(':')[0] ?? '').replace('../', '');
      const there = await access(folder.path(file)).then(
        () => true,
        () => false,
      );
      checks.holds(`${name} mounts a file that is there`, there, file, 'a file of the session');
    }
  }
}

function checkKubernetes(documents: readonly Manifest[], { services }: Compose, checks: Checks): void {
  const deployed = documents.find(({ kind }) => kind === 'Deployment');
  const exposed = documents.find(({ kind }) => kind === 'Service');
  const template = deployed?.spec.template;
  const container = template?.spec.containers[0];
  checks.equal(
    'the deployment selects its pods',
    deployed?.spec.selector['matchLabels'],
    template?.metadata.labels,
  );
  checks.equal('the service selects the pods', exposed?.spec.selector, template?.metadata.labels);
  checks.equal(
    'the service reaches the port',
    exposed?.spec.ports?.[0]?.targetPort,
    container?.ports[0]?.containerPort,
  );
  checks.equal('compose and Kubernetes run one image', container?.image, services['api']?.image);
  checks.equal('they open one port', services['api']?.ports, [
    `${SERVICE_PORT}:${container?.ports[0]?.containerPort}`,
  ]);
  checks.equal(
    'the probe asks that port',
    container?.readinessProbe.httpGet.port,
    container?.ports[0]?.containerPort,
  );
}
