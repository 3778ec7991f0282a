"""The addresses under /accounts/: our own, then django-allauth's."""

from __future__ import annotations

from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", views.Home.as_view(), name="account_home"),
    path("invitations/<str:secret>/", views.InvitationPage.as_view(), name="invitation"),
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("3rdparty/", include("allauth.socialaccount.urls")),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
]
