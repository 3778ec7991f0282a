"""People who log in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.dispatch import Signal
from django.utils import timezone

# Somebody was made by an operator or a program, who vouches for the address; whoever signs up is made in another way. Sent with `user`.
person_made = Signal()


class UserManager(BaseUserManager["User"]):
    """Makes users; addresses are kept in lower case, so that one person is one row."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user who can log in with `email` (an unusable password if None)."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        person_made.send(sender=self.model, user=user)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """An operator."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of an address, whatever its letters' case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by an e-mail address; `is_staff` makes an operator of one."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        """One row for an address, whatever its case."""

        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_once"),)

    def __str__(self) -> str:
        """The address."""
        return self.email

    def get_full_name(self) -> str:
        """The name, or the address where none is given."""
        return self.name or self.email

    def get_short_name(self) -> str:
        """The same."""
        return self.get_full_name()
