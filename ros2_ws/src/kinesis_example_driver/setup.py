"""The entry point in the group `kinesis.drivers` is all that Kinesis needs to find the driver."""

from setuptools import setup

setup(
    name="kinesis_example_driver",
    version="0.1.0",
    packages=["kinesis_example_driver"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/kinesis_example_driver"]),
        ("share/kinesis_example_driver", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="Kinesis maintainers",
    maintainer_email="maintainers@kinesis.invalid",
    description="A worked example of a driver in a package of its own.",
    license="Apache-2.0",
    entry_points={"kinesis.drivers": ["puppet = kinesis_example_driver.driver:PuppetDriver"]},
)
