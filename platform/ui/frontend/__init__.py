"""Scripts that the pages bring from elsewhere: CodeMirror and uPlot.

    package.json, package-lock.json   which packages: exact versions, each with its SHA-512; no addresses
    npm.txt                           npm itself, for a machine that has none
    entries/                          what is made of them: one module each
    packages.py                       fetching
    build.py                          bundling and installing; a command
    addresses.py                      where the pages find them

Owns their way from a package registry to a browser. None of it is committed, and everything works without it: the editor is a text field
then, and charts are tables. Only standard library here: set-up runs it beside the building of the guest.
"""
