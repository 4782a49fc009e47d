.PHONY: demo test lint bench testdata

# Sets up, builds, and fits the test data into a temporary folder.
demo:
	@sh scripts/setup.sh build
	cargo build --release --locked
	@sh scripts/demo.sh

# Sets up, and runs every test.
test:
	@sh scripts/setup.sh test
	cargo nextest run --locked
	cargo test --locked --doc

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

bench:
	@sh scripts/setup.sh build
	cargo bench --locked --bench '*'

# Makes the test data anew; testdata/README.md names what that needs.
testdata:
	python3 testdata/make.py
