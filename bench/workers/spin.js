// The neighbour nobody wants.

export default {
  fetch() {
    for (;;);
  },
};
