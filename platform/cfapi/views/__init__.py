"""The routes, one module for each kind of thing. They read requests, call one service or selector, and render."""
