import { createCart } from './cart.mjs';

const form = document.querySelector('#choice');

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const choice = new FormData(form);
  const sku = [form.dataset.product, choice.get('colour'), choice.get('size'), choice.get('finish')].join(
    '-',
  );
  createCart(localStorage).add(sku);
  form.querySelector('output').textContent = 'It is in the cart.';
});
