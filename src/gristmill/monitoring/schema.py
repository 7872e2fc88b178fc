"""The tables of a model's sketches: what was read, counts by hour, labels that wait."""

from __future__ import annotations

SCHEMA = """
create table if not exists progress (kind varchar, file varchar, bytes bigint, damaged bigint,
  primary key (kind, file));
create table if not exists arrivals (version int, hour bigint, n bigint);
create table if not exists counts (version int, hour bigint, name varchar, bin int, n bigint);
create table if not exists settled (n bigint);
create table if not exists moments (version int, hour bigint, name varchar, total double,
  squares double, low double, high double);
create table if not exists waiting (request_id varchar, version int, hour bigint,
  prediction varchar);
create table if not exists labels (request_id varchar, label varchar);
create table if not exists scores (version int, hour bigint, side int, bin int, n bigint);
create table if not exists sums (version int, hour bigint, metric int, n bigint, total double,
  squares double);
"""
