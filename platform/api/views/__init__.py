"""The routes, one module for each kind of resource. They read requests, call one service or selector, and render."""
