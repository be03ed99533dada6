import type { WorkInput } from '@tutti/actors';
import { parse, stringify } from 'yaml';
import { demonstrationCustomer } from '../backend/authentication.ts';
import { SERVICE_PORT } from '../backend/orders.ts';
import { cardNumber } from '../backend/payments.ts';
import { loadCatalogue, variants } from '../catalogue.ts';
import { Checks } from '../expectation.ts';
import { OutputFolder } from '../output-folder.ts';
import { call, signIn } from '../service-client.ts';
import { type RunningService, withService } from '../service-process.ts';
import type { Compose } from './containers.ts';

const RULES = [
  {
    alert: 'ErrorRatio',
    expr: 'sum(rate(http_requests_total{status=~"5.."}[5m])) / sum(rate(http_requests_total[5m])) > 0.01',
    for: '5m',
    severity: 'page',
  },
  {
    alert: 'SlowAnswers',
    expr: 'histogram_quantile(0.95, sum by (le, operation) (rate(http_request_duration_ms_bucket[5m]))) > 250',
    for: '10m',
    severity: 'ticket',
  },
  {
    alert: 'OrdersWithoutPayments',
    expr: 'rate(orders_placed_total[15m]) > 0 and rate(payments_captured_total[15m]) == 0',
    for: '15m',
    severity: 'page',
  },
  { alert: 'SellingOut', expr: 'rate(stock_rejections_total[10m]) > 1', for: '10m', severity: 'ticket' },
  {
    alert: 'ColdCache',
    expr: 'cache_hits_total / (cache_hits_total + cache_misses_total) < 0.5',
    for: '30m',
    severity: 'ticket',
  },
  {
    alert: 'Memory',
    expr: 'process_resident_memory_bytes > 350 * 1024 * 1024',
    for: '10m',
    severity: 'ticket',
  },
] as const;

/**
 * "Monitoring and logging": rules, dashboards and where logs go, held against the running service: every metric that
 * a rule or a panel names has to be there after a customer has bought something.
 */
export async function setUpMonitoring(input: WorkInput): Promise<object> {
  const folder = new OutputFolder(input);
  const rules = await folder.write('monitoring/rules.yaml', stringify(ruleFile()));
  const dashboard = await folder.writeJson('monitoring/dashboard.json', dashboardFile());
  const scrape = await folder.write('monitoring/prometheus.yaml', stringify(scrapeFile()));
  const logging = await folder.write('monitoring/logging.yaml', stringify(loggingFile()));
  const checks = new Checks();
  const exposed = await withService(input, (service) => metricsAfterTrade(service, input.signal));
  const written = (await folder.read(rules)) + (await folder.read(dashboard));
  const named = new Set(
    written.match(/\b(?:http|orders|payments|stock|cache|process)_[a-z_]+(?:_total|_bucket|_bytes)\b/g),
  );
  for (const metric of named) checks.equal(`the service exposes ${metric}`, exposed.has(metric), true);
  checks.holds('rules name metrics', named.size >= RULES.length, [...named], 'a metric for each rule');
  const { services } = parse(await folder.read('deploy/compose.yaml')) as Compose;
  const target = scrapeFile().scrape_configs[0]?.static_configs[0]?.targets[0] ?? '';
  const [host = '', port] = target.split(':');
  checks.equal('Prometheus scrapes a service of compose', services[host]?.ports, [`${port}:${port}`]);
  return { rules, dashboard, scrape, logging, metrics: [...named].toSorted(), checks: checks.passed };
}

function ruleFile(): object {
  return {
    groups: [
      {
        name: 'storefront',
        rules: RULES.map(({ severity, ...rule }) => ({ ...rule, labels: { severity } })),
      },
    ],
  };
}

function dashboardFile(): object {
  const expressions: Record<string, string> = {
    'Requests a second': 'sum by (operation) (rate(http_requests_total[1m]))',
    'Answer time, 95th percentile':
      'histogram_quantile(0.95, sum by (le) (rate(http_request_duration_ms_bucket[1m])))',
    'Orders and payments': 'rate(orders_placed_total[5m]) or rate(payments_captured_total[5m])',
    'Cache entries hit': 'rate(cache_hits_total[1m])',
  };
  const panels = Object.entries(expressions).map(([title, expr], index) => ({
    id: index + 1,
    type: 'timeseries',
    title,
    gridPos: { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 },
    targets: [{ expr }],
  }));
  return { title: 'Storefront', schemaVersion: 39, refresh: '10s', panels };
}

function scrapeFile() {
  return {
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'storefront', static_configs: [{ targets: [`api:${SERVICE_PORT}`] }] }],
  };
}

function loggingFile(): object {
  return {
    sources: { api: { type: 'docker_logs', include_containers: ['api'] } },
    sinks: {
      store: {
        type: 'file',
        inputs: ['api'],
        path: '/var/log/storefront/%Y-%m-%d.log',
        encoding: { codec: 'json' },
      },
    },
  };
}

/** A sale and a refusal, and then the names of the metrics. */
async function metricsAfterTrade(service: RunningService, signal: AbortSignal): Promise<Set<string>> {
  const token = await signIn(service, signal, demonstrationCustomer(1));
  const [first] = variants(await loadCatalogue());
  const order = (quantity: number, pieces: number) =>
    call(service, signal, '/orders', {
      method: 'POST',
      token,
      body: {
        idempotencyKey: `monitoring-${quantity}`,
        items: Array.from({ length: pieces }, () => ({ sku: first?.sku, quantity })),
      },
    });
  const placed = (await order(1, 1)).body as { id: string };
  await call(service, signal, `/orders/${placed.id}/payment`, {
    method: 'POST',
    token,
    body: { idempotencyKey: 'monitoring', card: cardNumber('monitoring') },
  });
  await order(20, 10);
  await call(service, signal, '/products?q=walnut');
  const text = (await call(service, signal, '/metrics')).body as string;
  return new Set(text.match(/^[a-z_]+/gm));
}
