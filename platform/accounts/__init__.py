"""People's accounts: signing up, logging in, second factors, single sign-on, accepting invitations.

Owns what django-allauth needs to know of Hostel, and how often people may try. Must not know what people may do once they are in
(`tenants.roles`), nor hold a rule of tenants.
"""
