"""The tables of a model's sketches: what was read, counts by hour, what breaks the contract; and of
each request the line that was counted, the label that was, and the one that counts."""

from __future__ import annotations

LAYOUT = 5
TABLES = ("progress", "hours", "settled", "requests", "labels", "scores",
          "sums", "sample", "broken", "corrections")  # fmt: skip
SCHEMA = """
create table if not exists progress (kind varchar, file varchar, bytes bigint, lines bigint,
  damaged bigint,   primary key (kind, file));
create table if not exists layout (words varchar);
create table if not exists hours (version int, hour bigint, part varchar, arrived bigint,
  cells uinteger[], n integer[], moments double[]);
create table if not exists settled (n bigint);
create table if not exists requests (request_id varchar, received bigint, file varchar, line bigint,
  version int, hour bigint, prediction varchar, label varchar);
create table if not exists labels (request_id varchar, received bigint, file varchar, line bigint,
  label varchar);
create table if not exists corrections (version int, hour bigint, n bigint);
create table if not exists scores (version int, hour bigint, side int, bin int, n bigint);
create table if not exists sums (version int, hour bigint, metric int, n bigint, total double,
  squares double);
create table if not exists broken (version int, hour bigint, item varchar, rule varchar, n bigint,
  example varchar);
create table if not exists sample (version int, day bigint, mixed ubigint, bins usmallint[]);
"""
