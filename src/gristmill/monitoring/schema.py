"""The tables of a model's sketches: what was read, counts by hour, what breaks the contract, labels
that wait."""

from __future__ import annotations

LAYOUT = 4
TABLES = ("progress", "hours", "settled", "waiting", "labels", "scores",
          "sums", "sample", "broken")  # fmt: skip
SCHEMA = """
create table if not exists progress (kind varchar, file varchar, bytes bigint, damaged bigint,
  primary key (kind, file));
create table if not exists layout (words varchar);
create table if not exists hours (version int, hour bigint, part varchar, arrived bigint,
  cells uinteger[], n uinteger[], moments double[]);
create table if not exists settled (n bigint);
create table if not exists waiting (request_id varchar, version int, hour bigint,
  prediction varchar);
create table if not exists labels (request_id varchar, label varchar);
create table if not exists scores (version int, hour bigint, side int, bin int, n bigint);
create table if not exists sums (version int, hour bigint, metric int, n bigint, total double,
  squares double);
create table if not exists broken (version int, hour bigint, item varchar, rule varchar, n bigint,
  example varchar);
create table if not exists sample (version int, day bigint, mixed ubigint, bins usmallint[]);
"""
