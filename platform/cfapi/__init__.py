"""The Cloudflare-compatible API under /client/v4/: what wrangler, Alchemy and the official SDKs speak.

Owns the wire shapes: multipart uploads in, envelopes out. Must not write rows (tenants.services does) nor run code.
"""
