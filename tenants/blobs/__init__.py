"""Content: modules and images, by what they contain.

Owns the store's interface and the folder behind it, and the staging area of uploads that wait for their build. Must not know what a blob
means: rows refer to it, and `tenants.services.blobs_collect` removes what no row refers to.
"""

from __future__ import annotations

from django.conf import settings

from tenants.blobs.base import BlobInfo, BlobStore
from tenants.blobs.folder import FolderBlobStore
from tenants.blobs.staging import Staged, Staging

__all__ = ["BlobInfo", "BlobStore", "FolderBlobStore", "Staged", "Staging", "staging", "store"]


def store() -> BlobStore:
    """The store the settings ask for."""
    return FolderBlobStore(settings.HOSTEL.home / "blobs")


def staging() -> Staging:
    """The staging area beside it."""
    return Staging(settings.HOSTEL.home / "staging")
