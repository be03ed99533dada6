/**
 * The nineteen tasks of the storefront, by orchestrator. Each takes a `WorkInput`, writes into the session's folder and
 * returns a small object that names what it wrote.
 *
 * @module
 */

export { designProductApi } from './workers/backend/api-design.ts';
export { buildAuthentication } from './workers/backend/authentication.ts';
export { buildInventory } from './workers/backend/inventory.ts';
export { buildOrders } from './workers/backend/orders.ts';
export { integratePayments } from './workers/backend/payments.ts';
export { buildCache } from './workers/devops/cache.ts';
export { orchestrateContainers } from './workers/devops/containers.ts';
export { setUpDatabase } from './workers/devops/database.ts';
export { setUpMonitoring } from './workers/devops/monitoring.ts';
export { buildPipeline } from './workers/devops/pipeline.ts';
export { buildAccountDashboard } from './workers/frontend/account-dashboard.ts';
export { buildAdminProducts } from './workers/frontend/admin-products.ts';
export { buildCartInterface } from './workers/frontend/cart-interface.ts';
export { buildCatalogueUi } from './workers/frontend/catalogue-ui.ts';
export { buildCheckoutFlow } from './workers/frontend/checkout-flow.ts';

export { testApi } from './workers/testing/api-integration.ts';
export { testCheckout } from './workers/testing/checkout.ts';
export { testPerformance } from './workers/testing/performance.ts';
export { testSecurity } from './workers/testing/security.ts';
