/** What the dashboard shows: who it is, and their orders with the paid ones added up. */
export async function loadDashboard(client) {
  const [account, orders] = await Promise.all([client.readAccount(), client.listOrders()]);
  const paid = orders.items.filter((order) => order.status === 'paid');
  const spentCents = paid.reduce((sum, order) => sum + order.totalCents, 0);
  return { account, orders: orders.items, paid: paid.length, spentCents };
}
