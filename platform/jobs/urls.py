"""The addresses of background work, under /api/v1/admin/."""

from __future__ import annotations

from django.urls import path

from jobs import views

urlpatterns = [
    path("jobs", views.Jobs.as_view()),
    path("jobs/<uuid:job_id>", views.JobOne.as_view()),
    path("jobs/<uuid:job_id>/retry", views.JobRetry.as_view()),
    path("jobs/<uuid:job_id>/cancel", views.JobCancel.as_view()),
    path("background", views.Background.as_view()),
]
