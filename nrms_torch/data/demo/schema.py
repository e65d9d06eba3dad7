"""The columns of EB-NeRD's files, with the types that the real ones have."""

import polars as pl

ARTICLE_SCHEMA = {
    "article_id": pl.Int32(),
    "title": pl.String(),
    "subtitle": pl.String(),
    "last_modified_time": pl.Datetime("us"),
    "premium": pl.Boolean(),
    "body": pl.String(),
    "published_time": pl.Datetime("us"),
    "image_ids": pl.List(pl.Int64),
    "article_type": pl.String(),
    "url": pl.String(),
    "ner_clusters": pl.List(pl.String),
    "entity_groups": pl.List(pl.String),
    "topics": pl.List(pl.String),
    "category": pl.Int16(),
    "subcategory": pl.List(pl.Int16),
    "category_str": pl.String(),
    "total_inviews": pl.Int32(),
    "total_pageviews": pl.Int32(),
    "total_read_time": pl.Float32(),
    "sentiment_score": pl.Float32(),
    "sentiment_label": pl.String(),
}
VECTOR_SCHEMA = {"article_id": pl.Int32(), "document_vector": pl.List(pl.Float32)}
BEHAVIORS_SCHEMA = {
    "impression_id": pl.UInt32(),
    "article_id": pl.Int32(),
    "impression_time": pl.Datetime("us"),
    "read_time": pl.Float32(),
    "scroll_percentage": pl.Float32(),
    "device_type": pl.Int8(),
    "article_ids_inview": pl.List(pl.Int32),
    "article_ids_clicked": pl.List(pl.Int32),
    "user_id": pl.UInt32(),
    "is_sso_user": pl.Boolean(),
    "gender": pl.Int8(),
    "postcode": pl.Int8(),
    "age": pl.Int8(),
    "is_subscriber": pl.Boolean(),
    "session_id": pl.UInt32(),
    "next_read_time": pl.Float32(),
    "next_scroll_percentage": pl.Float32(),
}
HISTORY_SCHEMA = {
    "user_id": pl.UInt32(),
    "impression_time_fixed": pl.List(pl.Datetime("us")),
    "scroll_percentage_fixed": pl.List(pl.Float32),
    "article_id_fixed": pl.List(pl.Int32),
    "read_time_fixed": pl.List(pl.Float32),
}
