"""Every example of AWS's DQDL reference, by the page that shows it (as of summer 2026)."""

from __future__ import annotations

TICKETS = '"s3://amzn-s3-demo-bucket/artifacts/file/tickets/"'
BUCKET = '"s3://amzn-s3-demo-bucket/"'

EXAMPLES: dict[str, list[str]] = {
    "dqdl": [
        'IsComplete "order-id"',
        'IsUnique "order-id"',
        '(IsComplete "id") and (IsUnique "id")',
        '(RowCount "id" > 100) or (IsPrimaryKey "id")',
        '(Mean "Star_Rating" > 3) and (Mean "Order_Total" > 500) and (IsComplete "Order_Id")',
        '(Mean "Star_Rating" > 3) and ((Mean "Order_Total" > 500) or (IsComplete "Order_Id"))',
        '(RowCount > 0) or ((IsComplete "colA") and (IsUnique "colA"))',
        '(ColumnValues "myCol1" > 1) OR (ColumnValues "myCol2" > 2)',
        '(ColumnValues "age" >= 26) OR (ColumnLength "name" >= 4)',
        'Mean "colA" between 80 and 100',
        'Completeness "colA" = "1.0"',
        'ColumnValues "colA" = "2022-06-30"',
        'ColumnValues "colA" != "a"',
        'ColumnValues "colA" != "2022-06-30"',
        'ColumnValues "colA" > 10',
        'ColumnValues "colA" < 1000',
        'ColumnValues "colA" < "2022-06-30"',
        'ColumnValues "colA" >= 10',
        'ColumnValues "colA" <= 1000',
        'Mean "colA" between 8 and 100',
        'ColumnValues "colA" between "2022-05-31" and "2022-06-30"',
        'ColumnValues "colA" not between "2022-05-31" and "2022-06-30"',
        'ColumnValues "colA" in [ 1, 2, 3 ]',
        'ColumnValues "colA" in [ "a", "b", "c" ]',
        'ColumnValues "colA" not in [ 1, 2, 3 ]',
        'ColumnValues "colA" not in [ "a", "b", "c" ]',
        'ColumnValues "colA" matches "[a-zA-Z]*"',
        'ColumnValues "colA" not matches "[a-zA-Z]*"',
        'ColumnValues "load_date" > (now() - 3 days)',
        'ColumnValues "colA" in ["A", "B"] with threshold > 0.8',
        'ColumnValues "colA" matches "[a-zA-Z]*" with threshold between 0.2 and 0.9',
        'ColumnDataType "colA" = "Timestamp" with threshold > 0.9',
        'ColumnValues "colA" != NULL with threshold > 0.5',
        '(ColumnValues "colA" = NULL) or (ColumnLength "colA" > 5)',
        '(ColumnValues "colA" = EMPTY) or (ColumnValues "colA" in ["a", "b"])',
        'ColumnValues "colA" not in ["a", "b", WHITESPACES_ONLY]',
        'ColumnValues "colA" in [NULL, "2023-01-01"]',
        '(ColumnValues "colA" = NULL) or (ColumnValues "colA" between 1 and 9)',
        'Completeness "colA" > 0.5 where "colB = 10"',
        'ColumnValues "colB" in ["A", "B"] where "colC is not null" with threshold > 0.9',
        'ColumnLength "colC" > 10 where "colD != Concat(colE, colF)"',
        'IsComplete "att2" where "att1 = \'a\'"',
        "IsComplete att2 where \"att1 = 'a'\"",
        'ColumnValues "colA" in ["A", "B"]  with threshold > 0.8 labels=["foo"="bar", "frequency"="daily"]',
        "RowCount > last()",
        "RowCount > avg(last(5))",
        "RowCount > avg(last(3))",
        "RowCount > 5",
        'ColumnCorrelation "colA" "colB" < avg(last(10))',
        'DistinctValuesCount "colA" between min(last(10))-1 and max(last(10))+1',
        'ColumnCorrelation "price" "num_items" > 0',
    ],
    "AggregateMatch": [
        'AggregateMatch "sum(amount)" "sum(total_amount)" = 1.0',
        'AggregateMatch "avg(ratings)" "avg(reference.ratings)" >= 0.9',
        'AggregateMatch "avg(ratings)" "avg(database_name.tablename.ratings)" >= 0.9',
    ],
    "ColumnCorrelation": [
        'ColumnCorrelation "height" "weight" > 0.8',
        'ColumnCorrelation "weightinkgs" "Salary" > 0.8 where "weightinkgs > 40"',
        'ColumnCorrelation "colA" "colB" between min(last(10)) and max(last(10))',
        'ColumnCorrelation "colA" "colB" < avg(last(5)) + std(last(5))',
    ],
    "ColumnCount": [
        "ColumnCount between 10 and 20",
        "ColumnCount >= avg(last(10))",
        "ColumnCount between min(last(10))-1 and max(last(10))+1",
    ],
    "ColumnDataType": ['ColumnDataType "colA" = "INTEGER"', 'ColumnDataType "colA" = "INTEGER" with threshold > 0.9'],
    "ColumnExists": ['ColumnExists "Middle_Name"'],
    "ColumnLength": [
        'ColumnLength "Postal_Code" = 5',
        'ColumnLength "weightinkgs" = 2 where "weightinkgs > 10"',
        'ColumnLength "Postal_Code" > 4 # this will fail',
        'ColumnLength "Postal_Code" < 6 # this will succeed',
        '(ColumnLength "Postal_Code" > 4) AND (ColumnValues "Postal_Code" != NULL)',
    ],
    "ColumnNamesMatchPattern": [
        'ColumnNamesMatchPattern "aws_.*"',
        'ColumnNamesMatchPattern "aws_.*" where "weightinkgs > 10"',
    ],
    "ColumnValues": [
        'ColumnValues "Country" in [ "US", "CA", "UK", NULL, EMPTY, WHITESPACES_ONLY ]',
        'ColumnValues "gender" in ["F", "M"] where "weightinkgs < 10"',
        'ColumnValues "First_Name" matches "[a-zA-Z]*"',
        'ColumnValues "Load_Date" > (now() - 3 days)',
        'ColumnValues "Customer_ID" between 1 and 2000',
        '(ColumnValues "Age" > 21) OR (ColumnValues "Age" = NULL)',
        'ColumnValues "Age" != 21',
        'ColumnValues "Age" not in [21, 22, 23]',
        '(ColumnValues "Age" != 21) AND (ColumnValues "Age" != NULL)',
        'ColumnValues "Age" not in [21, 22, 23, NULL]',
    ],
    "Completeness": [
        'Completeness "First_Name" > 0.95',
        'Completeness "First_Name" > 0.95 where "weightinkgs > 10"',
        'Completeness "colA" between min(last(5)) - 1 and max(last(5)) + 1',
        'Completeness "colA" <= avg(last(10))',
    ],
    "CustomSql": [
        'CustomSql "select count(*) from primary" between 10 and 20',
        'CustomSql "select Name from primary where Age  > 18"',
        'CustomSql "select Name from primary where Age > 18" with threshold  > 3',
        'CustomSql "select count(*) from database.table" between 10 and 20',
        'CustomSql "select count(*) from database.table inner join database.table2 on id1 = id2" between 10 and 20',
        'CustomSql "select id from primary where age < 100"',
        'CustomSQL "select ID, CustomerID from primary where age > 10" with threshold > 0.5',
    ],
    "DataFreshness": [
        'DataFreshness "Order_Date" <= 24 hours',
        'DataFreshness "Order_Date" between 2 days and 5 days',
        '(DataFreshness "Order_Date" <= 24 hours) OR (ColumnValues "Order_Date" = NULL)',
        'DataFreshness "file_ts" < 24 hours',
    ],
    "DatasetMatch": [
        'DatasetMatch "reference" "ID" >= 0.9',
        'DatasetMatch "reference" "ID_1->ID_ref1,ID_2->ID_ref2" >= 0.9',
        'DatasetMatch "reference" "ID_1->ID_ref1,ID_2->ID_ref2" "Amount1->Amount2" >= 0.9',
    ],
    "DetectAnomalies": ['DetectAnomalies "RowCount"', 'DetectAnomalies "ColumnLength" "id"'],
    "DistinctValuesCount": [
        'DistinctValuesCount "State" > 3',
        'DistinctValuesCount "Customer_ID" < 6  where "Customer_ID < 10"',
        'DistinctValuesCount "colA" between avg(last(10))-1 and avg(last(10))+1',
        'DistinctValuesCount "colA" <= index(last(10),2) + std(last(5))',
    ],
    "Entropy": [
        'Entropy "Star_Rating" > 1',
        'Entropy "First_Name" > 1  where "Customer_ID < 10"',
        'Entropy "colA" < max(last(10))',
        'Entropy "colA" between min(last(10)) and max(last(10))',
    ],
    "FileFreshness": [
        'FileFreshness "s3://amzn-s3-demo-bucket/artifacts/file/tickets/tickets.parquet" > (now() - 24 hours)',
        'FileFreshness "s3://bucket/" >= (now() -1 days)',
        f"FileFreshness {TICKETS} >= (now() - 24 hours)",
        f"FileFreshness {TICKETS} < (now() - 10 days) with threshold > 0.1",
        f"FileFreshness {TICKETS} > (now() - 10 days) with threshold > 0.1",
        f'FileFreshness {TICKETS} > "2020-01-01"',
        f'FileFreshness {TICKETS} between "2023-01-01" and "2024-01-01"',
        f"FileFreshness {TICKETS} between now() and (now() - 45 minutes)",
        f"FileFreshness {TICKETS} between (now() - 45 minutes) and now()",
        f'FileFreshness {TICKETS} between "9:30 AM" and "9:30 PM"',
        f"FileFreshness {TICKETS} > (now() - 10 minutes)",
        f"FileFreshness {TICKETS} > now()",
        f"FileFreshness {TICKETS} between (now() - 2 hours) and (now() + 15 minutes)",
        f"FileFreshness {TICKETS} between (now() - 3 days) and (now() + 15 minutes)",
        f'FileFreshness {TICKETS} between "2001-02-07" and (now() + 15 minutes)',
        f'FileFreshness {TICKETS} > "21:45"',
        f'FileFreshness {TICKETS} > "2024-01-01"',
        f'FileFreshness {TICKETS} between "02:30" and "04:30"',
        f'FileFreshness {TICKETS} between "9:30 AM" and "22:15"',
        f"FileFreshness {BUCKET} between (now() - 100 minutes) and (now() + 10 minutes) with recentFiles = 1",
        rf'FileFreshness {BUCKET} > (now() - 24 hours) with uriRegex = "\.csv$"',
        rf'FileFreshness {BUCKET} > (now() - 24 hours) with uriRegex = ".*orders_.*\.parquet"',
        rf'FileFreshness {BUCKET} > (now() - 24 hours) with uriRegex = "(?!.*\.tmp$).*"',
        f'FileFreshness {BUCKET} > (now() - 24 hours) with recentFiles = 1 with uriRegex = "inventory_" '
        'with filterOrder = ["uriRegex","recentFiles"]',
        f'FileFreshness {BUCKET} > (now() - 24 hours) with failFast = "true"',
        'FileFreshness "s3://path/" > "21:45" with timeZone = "America/New_York"',
        'FileFreshness "s3://path/" > "21:45" with timeZone = "America/Chicago"',
        'FileFreshness "s3://path/" > "21:45" with timeZone = "Europe/Paris"',
        'FileFreshness "s3://path/" > "21:45" with timeZone = "Asia/Shanghai"',
        'FileFreshness "s3://path/" > "21:45" with timeZone = "Australia/Darwin"',
        "FileFreshness > (now() - 24 hours)",
    ],
    "FileMatch": [
        'FileMatch "s3://amzn-s3-demo-bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"] '
        'with hashAlgorithm = "MD5"',
        'FileMatch "s3://amzn-s3-demo-bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"] '
        'with hashAlgorithm = "SHA-1"',
        'FileMatch "s3://amzn-s3-demo-bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"] '
        'with hashAlgorithm = "SHA-256"',
        'FileMatch "s3://amzn-s3-demo-bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"]',
        'FileMatch "s3://amzn-s3-demo-bucket /" in ["3ee0d8617ac041793154713e5ef8f319", '
        '"7e8617ac041793154713e5ef8f319"] with hashAlgorithm = "MD5"',
        'FileMatch "s3://amzn-s3-demo-bucket /internal-folder/" in ["3ee0d8617ac041793154713e5ef8f319", '
        '"7e8617ac041793154713e5ef8f319"]',
        'FileMatch "s3://original_bucket/" "s3://archive_bucket/"',
        'FileMatch "s3://original_bucket/internal-folder/" "s3://original_bucket/other-folder/"',
        r'FileMatch "s3://original_bucket/" "s3://archive_bucket/" with uriRegex = "\.json$"',
        r'FileMatch "s3://original_bucket/" "s3://archive_bucket/" with recentFiles = 5 with uriRegex = "\.csv$" '
        'with filterOrder = ["uriRegex","recentFiles"]',
        'FileMatch "s3://amzn-s3-demo-bucket /file_old.json" "s3://amzn-s3-demo-bucket /file_new.json"',
        'FileMatch in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "MD5"',
        'FileMatch in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "SHA-1"',
        'FileMatch in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "SHA-256"',
        'FileMatch in ["3ee0d8617ac041793154713e5ef8f319"]',
        'FileMatch "s3://bucket/" in ["3ee0d8617ac04179sam4713e5ef8f319"] with recentFiles = 1',
        r'FileMatch "s3://bucket/" in ["3ee0d8617ac04179sam4713e5ef8f319"] with uriRegex = "\.json$"',
        r'FileMatch "s3://bucket/" in ["3ee0d8617ac04179sam4713e5ef8f319"] with uriRegex = "(?!.*\.tmp$).*"',
        r'FileMatch "s3://bucket/" in ["3ee0d8617ac04179sam4713e5ef8f319"] with recentFiles = 1 '
        r'with uriRegex = "\.json$" with filterOrder = ["uriRegex","recentFiles"]',
        'FileMatch "s3://amzn-s3-demo-bucket/file.json" in ["3ee0d8617ac04179sam4713e5ef8f319"] '
        'with matchFileName = "true"',
    ],
    "FileSize": [
        'FileSize "s3://amzn-s3-demo-bucket/file.dat" > 2 MB',
        'FileSize "s3://bucket/" > 5 B',
        'FileSize "s3://bucket/" < 2 GB',
        f"FileSize {BUCKET} between 2 GB and 1 TB with threshold > 0.7",
        "FileSize < 10 MB with threshold > 0.7",
        f"FileSize {BUCKET} > 5 B with recentFiles = 1",
        r'FileSize "s3://bucket/" > 5 B with uriRegex = "\.dat$"',
        r'FileSize "s3://bucket/" > 5 B with uriRegex = "(?!.*\.tmp$).*"',
        r'FileSize "s3://bucket/" > 5 B with recentFiles = 5 with uriRegex = "\.dat$" '
        'with filterOrder = ["uriRegex","recentFiles"]',
        'FileSize "s3://bucket/" > 2 MB with failFast = "true"',
    ],
    "FileUniqueness": [
        'FileUniqueness "s3://bucket/" > 0.5',
        'FileUniqueness "s3://bucket/folder/" = 1',
        "FileUniqueness > 0.5",
        f"FileUniqueness {BUCKET} > 0.5 with recentFiles = 1",
        r'FileUniqueness "s3://bucket/" > 0.5 with uriRegex = "\.csv$"',
        r'FileUniqueness "s3://bucket/" > 0.5 with uriRegex = "(?!.*\.tmp$).*"',
        r'FileUniqueness "s3://bucket/" > 0.5 with recentFiles = 5 with uriRegex = "\.csv$" '
        'with filterOrder = ["uriRegex","recentFiles"]',
        f'FileUniqueness {BUCKET} > 0.5 with matchFileName = "true"',
    ],
    "IsComplete": [
        'IsComplete "email"',
        'IsComplete "Email" where "Customer_ID between 1 and 50"',
        'IsComplete "Customer_ID"  where "Customer_ID < 16 and Customer_ID != 12"',
        'IsComplete "passenger_count" where "payment_type<>0"',
    ],
    "IsPrimaryKey": [
        'IsPrimaryKey "Customer_ID"',
        'IsPrimaryKey "Customer_ID" where "Customer_ID < 10"',
        'IsPrimaryKey "colA" "colB"',
        'IsPrimaryKey "colA" "colB" "colC"',
        'IsPrimaryKey colA "colB" "colC"',
    ],
    "IsUnique": [
        'IsUnique "email"',
        'IsUnique "Customer_ID" where "Customer_ID < 10"',
        'IsUnique "vendorid" "tpep_pickup_datetime"',
    ],
    "Mean": [
        'Mean "Star_Rating" > 3',
        'Mean "Salary" < 6200 where "Customer_ID < 10"',
        'Mean "colA" > avg(last(10)) + std(last(2))',
        'Mean "colA" between min(last(5)) - 1 and max(last(5)) + 1',
    ],
    "ReferentialIntegrity": [
        'ReferentialIntegrity "zipcode" "reference.zipcode" >= 0.9',
        'ReferentialIntegrity "city,state" "reference.{ref_city,ref_state}" = 1.0',
        'ReferentialIntegrity "city,state" "reference.{ref_city,ref_state}" > avg(last(10))',
        'ReferentialIntegrity "city,state" "reference.{ref_city,ref_state}" '
        "between min(last(10)) - 1 and max(last(10)) + 1",
    ],
    "RowCount": [
        "RowCount between 10 and 100",
        'RowCount between 1 and 50 where "Customer_ID < 10"',
        "RowCount > avg(last(10)) *0.8",
    ],
    "RowCountMatch": ['RowCountMatch "reference" >= 0.9'],
    "SchemaMatch": ['SchemaMatch "reference" = 1.0'],
    "StandardDeviation": [
        'StandardDeviation "Star_Rating" < 1.5',
        'StandardDeviation "Salary" < 3500 where "Customer_ID < 10"',
        'StandardDeviation "colA" between min(last(10)) - 1 and max(last(10)) + 1',
    ],
    "Sum": [
        'Sum "transaction_total" > 500000',
        'Sum "Salary" < 55600 where "Customer_ID < 10"',
        'Sum "ColA" > avg(last(10))',
        'Sum "colA" between min(last(10)) - 1 and max(last(10)) + 1',
    ],
    "UniqueValueRatio": [
        'UniqueValueRatio "test_score" between 0 and 0.5',
        'UniqueValueRatio "Customer_ID" between 0 and 0.9 where "Customer_ID < 10"',
        'UniqueValueRatio "colA" > avg(last(10))',
        'UniqueValueRatio "colA" <= index(last(10),2) + std(last(5))',
    ],
    "Uniqueness": [
        'Uniqueness "email" = 1.0',
        'Uniqueness "Customer_ID" != 1.0 where "Customer_ID < 10"',
        'Uniqueness "vendorid" "tpep_pickup_datetime" = 1',
        'Uniqueness "colA" between min(last(10)) and max(last(10))',
        'Uniqueness "colA" >= avg(last(10))',
    ],
    # How AWS's own parser lets rules be spoken.
    "spoken": [
        "Completeness of col_1 between 0.5 and 0.8",
        "ColumnCorrelation of col_1 col_2 between 0.4 and 0.8",
        'ColumnCorrelation of col_1 and "col abc" between 0.4 and 0.8',
        "DetectAnomalies of RowCount",
        'DetectAnomalies of Completeness of "colA"',
        'DetectAnomalies of ColumnCorrelation of "colA" and "colB"',
        'ColumnDataType "col_1" in ["Date","String"] with threshold > 0.9',
        'ColumnValues "col-A" > "9:30 AM"',
        'ColumnValues "samCol" in ["B", "a", NULL, EMPTY, WHITESPACES_ONLY ] with ignoreCase = "true"',
        "FileSize not in [500 KB,150 GB]",
        "FileSize > 2",
    ],
}

# Whole documents.
DOCUMENTS = [
    'Rules = [\n   IsComplete "order-id",\n   IsUnique "order-id"\n]',
    'mySql = "select count(*) from primary"\n\nRules = [\n    CustomSql $mySql between 0 and 100\n]',
    "Rules = [\n   RowCount > avg(last(3))\n]\n"
    'Analyzers = [\n   DistinctValuesCount "Name",\n   ColumnLength "Name"\n]',
    "Rules = [\n    # More items should generally mean a higher price, so correlation should be positive\n"
    '    ColumnCorrelation "price" "num_items" > 0\n]',
    'DefaultLabels=["frequency"="monthly"]\n\nRules = [\n    // Auto includes the default label\n'
    '    ColumnValues "col" > 21,\n    ColumnValues "colA" in ["A", "B"]  with threshold > 0.8 '
    'labels=["foo"="bar", "frequency"="daily"],\n    // Labels must be applied to the entire composite rule\n'
    '    ((IsComplete "col") AND (RowCount > 0)) labels=["foo"="bar"]\n]',
    'Analyzers = [\n    Distribution "Salary" with bins = 20, rebin = false\n]',
    'Analyzers = [\n    Distribution "Salary"\n]',
    'Analyzers = [\n    Distribution "Age" with bins = 10\n]',
    "Analyzers = [\n    Distribution AllColumns\n]",
    'Rules = [\n    RowCount > 100,\n    Completeness "Salary" > 0.9\n]\nAnalyzers = [\n    Mean "Salary",\n'
    '    StandardDeviation "Salary",\n    Distribution "Salary" with bins = 15,\n    Distribution "Department"\n]',
    'Analyzers = [ AllStatistics "Salary", AllStatistics of AllColumns ]',
]

# Examples that break the reference's own rules, and what is said about them.
MISTAKEN = {
    'StandardDeviation "colA" > avg(last(10) + 0.1': "')'",  # a parenthesis is missing
    'IsUnique "Customer_ID" where "Customer_ID < 10"]': "another section",  # a bracket too many
    'RowCount > 0 with threshold > 0.8 labels=["foo"="bar"]': "no option",  # there are no rows to have a share of
    '(isComplete "col" AND RowCount > 0) labels=["foo"="bar]': "a closing",  # a quote is missing
    '(isComplete "colA") AND (RowCount > 0)': "IsComplete",  # names are case sensitive
    # shown as invalid by the reference itself
    '(IsComplete "colA") AND (RowCount > 0) labels=["foo"="bar"]': "in parentheses as a whole",
    '(IsComplete "colA" labels=["foo"="bar"]) AND (RowCount > 0)': "in parentheses as a whole",
    'IsComplete "col" AND RowCount > 0 labels=["foo"="bar"]': "(...) and (...)",
}
