import { loadDashboard } from './account.mjs';
import { currentClient, fillRows, keepToken, showProblem } from './session.mjs';

async function show() {
  const { account, orders, spentCents } = await loadDashboard(currentClient());
  document.querySelector('#who').textContent = `${account.name}, ${(spentCents / 100).toFixed(2)} spent`;
  fillRows(
    '#orders',
    orders.map(({ id, status, totalCents }) => [id, status, (totalCents / 100).toFixed(2)]),
  );
}

async function signIn(form) {
  const { email, password } = Object.fromEntries(new FormData(form));
  try {
    keepToken((await currentClient().signIn({ body: { email, password } })).token);
    await show();
  } catch (error) {
    showProblem(error);
  }
}

document.querySelector('#sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn(event.target);
});

show().catch(() => undefined);
