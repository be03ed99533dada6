import { createCart } from './cart.mjs';
import { checkOut, keysAfter, newKeys } from './checkout.mjs';
import { currentClient, showProblem } from './session.mjs';

const newKey = () => crypto.randomUUID();
let keys = newKeys(newKey);

async function pay(form) {
  const card = form.elements.card.value.replaceAll(' ', '');
  try {
    await checkOut({ client: currentClient(), cart: createCart(localStorage), card, keys });
    location.href = 'account.html';
  } catch (error) {
    keys = keysAfter(error, keys, newKey);
    showProblem(error);
  }
}

document.querySelector('#checkout').addEventListener('submit', (event) => {
  event.preventDefault();
  void pay(event.target);
});
