"""What is wrong with a request, before any service sees it.

Owns the leaves that belong to HTTP itself: credentials, routes, bodies, uploads. Shared by both APIs; must not know how an
error is rendered (envelope.py and api.problems do).

    HostelError
    ├── CredentialsMissing, AccountForbidden        who is asking
    ├── RouteNotFound, MethodRefused, Throttled     what is asked
    ├── FeatureUnsupported                          Cloudflare has it, Hostel does not (yet)
    ├── BodyInvalid                                 a JSON body
    │   └── BodyTooLarge
    └── UploadInvalid                               a multipart body
        ├── UploadTooLarge, UploadTypeInvalid, BoundaryMissing, UploadTruncated, UploadMalformed
        ├── PartsExceeded, PartHeaderTooLarge
        ├── MetadataMissing, MetadataTooLarge, MetadataInvalid
        ├── ModuleNameInvalid, ModuleDuplicate, ModuleTypeUnknown
        └── ServiceWorkerUnsupported, CommonJsUnsupported, PythonUnsupported
"""

from __future__ import annotations

from sandbox.errors import HostelError


class CredentialsMissing(HostelError):
    """Send an API token: Authorization: Bearer <token>."""

    code = "credentials_missing"
    status = 401
    fault = "tenant"


class AccountForbidden(HostelError):
    """The API token does not belong to this account."""

    code = "account_forbidden"
    status = 403
    fault = "tenant"


class RouteNotFound(HostelError):
    """There is no route for that URI."""

    code = "route_not_found"
    status = 404
    fault = "tenant"


class MethodRefused(HostelError):
    """The route does not take this method."""

    code = "method_not_allowed"
    status = 405
    fault = "tenant"


class Throttled(HostelError):
    """The API token has made too many calls."""

    code = "throttled"
    status = 429
    fault = "tenant"


class FeatureUnsupported(HostelError):
    """Hostel does not offer this feature yet."""

    # 400 and not 501: wrangler and Alchemy repeat every request that is answered with 5xx, up to ten times.
    code = "feature_unsupported"
    status = 400
    fault = "tenant"


class BodyInvalid(HostelError):
    """The body is not the JSON that this route takes."""

    code = "body_invalid"
    status = 400
    fault = "tenant"


class BodyTooLarge(BodyInvalid):
    """The body is larger than this route takes."""

    code = "body_too_large"
    status = 413


class UploadInvalid(HostelError):
    """The upload is not valid."""

    code = "upload_invalid"
    status = 400
    fault = "tenant"


class UploadTooLarge(UploadInvalid):
    """The upload is larger than uploads may be."""

    code = "upload_too_large"
    status = 413


class UploadTypeInvalid(UploadInvalid):
    """An upload must be multipart/form-data."""

    code = "upload_type_invalid"
    status = 415


class BoundaryMissing(UploadInvalid):
    """The multipart Content-Type names no valid boundary."""

    code = "upload_boundary_missing"


class UploadTruncated(UploadInvalid):
    """The upload ends before its last boundary."""

    code = "upload_truncated"


class UploadMalformed(UploadInvalid):
    """The upload is not well-formed multipart."""

    code = "upload_malformed"


class PartsExceeded(UploadInvalid):
    """The upload has more parts than uploads may have."""

    code = "upload_parts_exceeded"
    status = 413


class PartHeaderTooLarge(UploadInvalid):
    """A part of the upload has too large or too many headers."""

    code = "upload_part_header_too_large"


class MetadataMissing(UploadInvalid):
    """The upload has no metadata part."""

    code = "metadata_missing"


class MetadataTooLarge(UploadInvalid):
    """The metadata part is larger than metadata may be."""

    code = "metadata_too_large"
    status = 413


class MetadataInvalid(UploadInvalid):
    """The metadata part is not valid."""

    code = "metadata_invalid"


class ModuleNameInvalid(UploadInvalid):
    """A module has a name that modules may not have."""

    code = "module_name_invalid"


class ModuleDuplicate(UploadInvalid):
    """Two modules have the same name."""

    code = "module_duplicate"


class ModuleTypeUnknown(UploadInvalid):
    """A module has a content type that is no module type."""

    code = "module_type_unknown"


class ServiceWorkerUnsupported(UploadInvalid):
    """The service-worker format is not supported: use ES modules (export default { fetch }) and main_module."""

    code = "service_worker_unsupported"


class CommonJsUnsupported(UploadInvalid):
    """CommonJS modules are not supported: use ES modules (application/javascript+module)."""

    code = "commonjs_unsupported"


class PythonUnsupported(UploadInvalid):
    """Python workers are not supported yet."""

    code = "python_unsupported"
