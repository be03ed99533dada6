import { createCart } from './cart.mjs';
import { checkOut } from './checkout.mjs';
import { currentClient, showProblem } from './session.mjs';

const keys = { order: crypto.randomUUID(), payment: crypto.randomUUID() };

async function pay(form) {
  const card = form.elements.card.value.replaceAll(' ', '');
  try {
    await checkOut({ client: currentClient(), cart: createCart(localStorage), card, keys });
    location.href = 'account.html';
  } catch (error) {
    // A declined card may be followed by another one, which is another payment of the same order.
    if (error.code === 'CARD_DECLINED') keys.payment = crypto.randomUUID();
    showProblem(error);
  }
}

document.querySelector('#checkout').addEventListener('submit', (event) => {
  event.preventDefault();
  void pay(event.target);
});
