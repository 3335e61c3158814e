"""What goes between S3 and the lake, in the emulator's S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.local_cloud.helpers import Cloud

from local_cloud.lake import Lake, LakePlan, local_path, plan_for
from local_cloud.settings import LocalCloudError

ODD_KEYS = [
    "data/plain.csv",
    "data/with space.csv",
    "data/per%20cent%.csv",
    "data/key=value/plus+and&.csv",
    "data/ünï çødé/日本語.csv",
    'data/quote\'s "double" $HOME `x`.csv',
    "data/star*question?[brackets].csv",
    "data/#hash;semi:colon,comma.csv",
    "data/back\\slash.csv",
    "data/new\nline.csv",
]


@pytest.fixture
def lake(cloud: Cloud) -> Iterator[Lake]:
    lake = Lake(cloud.settings, cloud.s3)
    yield lake
    lake.close()


def bring_in(lake: Lake, bucket: str) -> list[str]:
    notes: list[str] = []
    lake.prepare(LakePlan((bucket,), ()), notes.append)
    return notes


def send_out(lake: Lake, bucket: str) -> None:
    plan = LakePlan((), (bucket,))
    lake.prepare(plan, lambda _: None)
    lake.send_out(plan, lambda _: None)


def test_objects_with_odd_keys_come_in_with_their_content(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    for key in ODD_KEYS:
        cloud.put(bucket, key, f"content of {key}")
    assert bring_in(lake, bucket) == []
    folder = cloud.settings.lake / bucket
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == set(ODD_KEYS)
    assert all((folder / key).read_text() == f"content of {key}" for key in ODD_KEYS)


def test_files_with_odd_names_go_out_with_their_content(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    for key in ODD_KEYS:
        path = cloud.settings.lake / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
    send_out(lake, bucket)
    for key in ODD_KEYS:
        path = cloud.settings.lake / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {key}")
    send_out(lake, bucket)
    assert sorted(cloud.keys(bucket)) == sorted(ODD_KEYS)
    for key in ODD_KEYS:
        assert cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() == f"content of {key}"


def test_an_object_replaced_at_once_by_one_of_the_same_size_comes_in_again(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    file = cloud.settings.lake / bucket / "x.csv"
    for content in ("aaaa", "bbbb", "cccc", "dddd"):
        cloud.put(bucket, "x.csv", content)
        bring_in(lake, bucket)
        assert file.read_text() == content


def test_a_file_replaced_at_once_by_one_of_the_same_size_goes_out_again(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    send_out(lake, bucket)
    for content in ("aaaa", "bbbb", "cccc", "dddd"):
        (cloud.settings.lake / bucket / "x.csv").write_text(content)
        send_out(lake, bucket)
        assert cloud.s3.get_object(Bucket=bucket, Key="x.csv")["Body"].read().decode() == content


def test_a_file_has_the_time_of_its_object(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    cloud.put(bucket, "x.csv", "a")
    bring_in(lake, bucket)
    modified = cloud.s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
    assert (cloud.settings.lake / bucket / "x.csv").stat().st_mtime == pytest.approx(modified.timestamp(), abs=0.01)


def test_an_object_written_again_with_the_same_content_gets_its_new_time(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    file = cloud.settings.lake / bucket / "x.csv"
    times = set()
    for _ in range(2):
        cloud.put(bucket, "x.csv", "a")
        bring_in(lake, bucket)
        modified = cloud.s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
        assert file.stat().st_mtime == pytest.approx(modified.timestamp(), abs=0.001)
        times.add(modified)
    assert len(times) == 2


def test_what_is_deleted_in_s3_leaves_the_lake_with_its_empty_folders(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    cloud.put(bucket, "day/a.csv", "a")
    cloud.put(bucket, "b.csv", "b")
    bring_in(lake, bucket)
    cloud.s3.delete_object(Bucket=bucket, Key="day/a.csv")
    bring_in(lake, bucket)
    assert [path.name for path in (cloud.settings.lake / bucket).iterdir()] == ["b.csv"]


def test_an_input_that_is_gone_from_the_lake_comes_in_again(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    cloud.put(bucket, "a.csv", "a")
    bring_in(lake, bucket)
    file = cloud.settings.lake / bucket / "a.csv"
    file.unlink()
    bring_in(lake, bucket)
    assert file.read_text() == "a"


def test_what_a_job_writes_into_an_input_stays_here_and_is_not_sent(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("scripts")
    cloud.put(bucket, "a.py", "a")
    bring_in(lake, bucket)
    (cloud.settings.lake / bucket / "temporary").write_text("t")
    bring_in(lake, bucket)
    assert (cloud.settings.lake / bucket / "temporary").exists()
    assert cloud.keys(bucket) == ["a.py"]


def test_what_is_removed_from_an_output_is_removed_in_s3(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    send_out(lake, bucket)
    file = cloud.settings.lake / bucket / "table" / "a.parquet"
    file.parent.mkdir()
    file.write_text("a")
    send_out(lake, bucket)
    file.unlink()
    send_out(lake, bucket)
    assert cloud.keys(bucket) == []


def test_what_others_put_into_an_output_bucket_stays_there(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("quality")
    send_out(lake, bucket)
    cloud.put(bucket, "quarantine/orders/refused/a.csv", "put by a Lambda")
    send_out(lake, bucket)
    assert cloud.keys(bucket) == ["quarantine/orders/refused/a.csv"]


def test_an_output_that_the_lake_has_lost_comes_back_from_s3_and_is_not_wiped_there(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    cloud.put(bucket, "table/a.parquet", "a")
    send_out(lake, bucket)
    file = cloud.settings.lake / bucket / "table" / "a.parquet"
    assert file.read_text() == "a"
    file.unlink()
    file.parent.rmdir()
    (cloud.settings.lake / bucket).rmdir()
    send_out(lake, bucket)
    assert file.read_text() == "a"
    assert cloud.keys(bucket) == ["table/a.parquet"]


def test_an_output_bucket_made_anew_does_not_get_the_old_ones_files(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    send_out(lake, bucket)
    (cloud.settings.lake / bucket / "old").write_text("old")
    send_out(lake, bucket)
    cloud.s3.delete_object(Bucket=bucket, Key="old")
    cloud.s3.delete_bucket(Bucket=bucket)
    cloud.s3.create_bucket(Bucket=bucket)
    send_out(lake, bucket)
    assert cloud.keys(bucket) == []
    assert not (cloud.settings.lake / bucket / "old").exists()


def test_a_job_that_reads_anothers_output_does_not_undo_it(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("curated")
    send_out(lake, bucket)
    (cloud.settings.lake / bucket / "unsent").write_text("u")
    bring_in(lake, bucket)
    assert (cloud.settings.lake / bucket / "unsent").exists()


def test_a_key_that_cannot_be_a_file_is_left_out_and_said_so(cloud: Cloud, lake: Lake) -> None:
    bucket = cloud.bucket("raw")
    cloud.put(bucket, "a//b.csv", "x")
    cloud.put(bucket, f"{'n' * 300}.csv", "x")
    cloud.put(bucket, "both", "a file")
    cloud.put(bucket, "both/and", "a folder")
    cloud.put(bucket, "good.csv", "x")
    assert len(bring_in(lake, bucket)) == 3
    folder = cloud.settings.lake / bucket
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == ["both/and", "good.csv"]


def test_a_missing_bucket_is_named(lake: Lake) -> None:
    with pytest.raises(LocalCloudError, match="'no-such-bucket', which does not exist"):
        bring_in(lake, "no-such-bucket")


def test_a_folder_is_not_left_by_dots(cloud: Cloud) -> None:
    assert local_path(cloud.settings.lake, "../x") is None
    assert local_path(cloud.settings.lake, "a/./x") is None


def test_the_arguments_tell_inputs_from_outputs() -> None:
    arguments = {
        "--raw_bucket": "p-raw",
        "--processed_bucket": "p-processed",
        "--contracts_path": "s3://p-scripts/config/",
        "--other": "s3://p-extra/key",
        "--conf": "a.b=c --conf spark.sql.catalog.x.warehouse=s3://p-curated/",
        "--environment": "local",
    }
    plan = plan_for(arguments, "s3://p-scripts/jobs/a.py")
    assert plan.incoming == ("p-extra", "p-raw", "p-scripts")
    assert plan.outgoing == ("p-curated", "p-processed")
