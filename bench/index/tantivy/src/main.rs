//! Serves a tantivy index to the benchmark. Each line of standard input is a request in
//! JSON, each line of standard output its answer:
//!
//!   {"op": "build", "docs": FILE, "index": FOLDER, "positions": BOOL, "threads": N}
//!   {"op": "load", "index": FOLDER}
//!   {"op": "search", "queries": FILE, "k": K, "answers": FILE, "scores": FILE, "times": FILE, "spent": FILE}
//!
//! Documents and queries are one text a line, terms parted by single spaces. A query is a
//! disjunction of its terms. Its time is that of making it out of ready terms and searching,
//! by the clock and of the processor, in nanoseconds, 32 bits. With one thread there is one segment, and document numbers
//! are line numbers; answers are 32 bits each, all ones where there is none.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{json, Value};
use tantivy::collector::TopDocs;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Memory for the indexing threads together: enough for one segment of the million.
const BUDGET: usize = 3_000_000_000;

/// Seconds of processor time so far: of this thread or of the whole process.
fn cpu(clock: libc::clockid_t) -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(clock, &mut t) };
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

fn resident() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).ok_or("statm")?.parse()?;
    Ok(pages * 4096)
}

fn lines(path: &str) -> Result<impl Iterator<Item = std::io::Result<String>>> {
    Ok(BufReader::with_capacity(1 << 20, File::open(path)?).lines())
}

fn build(r: &Value) -> Result<Value> {
    let folder = text(r, "index")?;
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let option = if r["positions"] == json!(true) { IndexRecordOption::WithFreqsAndPositions } else { IndexRecordOption::WithFreqs };
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default().set_tokenizer("words").set_index_option(option);
    let body = schema.add_text_field("body", TextOptions::default().set_indexing_options(indexing));
    let index = register(Index::create(MmapDirectory::open(folder)?, schema.build(), Default::default())?);
    let threads = r["threads"].as_u64().unwrap_or(1) as usize;
    let docs = text(r, "docs")?;
    let (start, spent) = (Instant::now(), cpu(libc::CLOCK_PROCESS_CPUTIME_ID));
    let mut writer: IndexWriter = index.writer_with_num_threads(threads, BUDGET)?;
    if threads == 1 {
        writer.set_merge_policy(Box::new(NoMergePolicy));
    }
    let mut count = 0u64;
    for line in lines(docs)? {
        let mut doc = TantivyDocument::default();
        doc.add_text(body, line?);
        writer.add_document(doc)?;
        count += 1;
    }
    writer.commit()?;
    if threads == 1 {
        let segments = index.searchable_segment_ids()?;
        if segments.len() > 1 {
            writer.merge(&segments).wait()?;
        }
    }
    writer.wait_merging_threads()?;
    let wall = start.elapsed().as_secs_f64();
    let spent = cpu(libc::CLOCK_PROCESS_CPUTIME_ID) - spent;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(json!({"wall_s": wall, "cpu_s": spent, "bytes": bytes, "docs": count, "segments": index.searchable_segment_ids()?.len()}))
}

fn register(index: Index) -> Index {
    index.tokenizers().register("words", TextAnalyzer::builder(WhitespaceTokenizer::default()).build());
    index
}

fn search(searcher: &Searcher, r: &Value) -> Result<Value> {
    let body = searcher.schema().get_field("body")?;
    let k = r["k"].as_u64().unwrap_or(10) as usize;
    let queries: Vec<Vec<String>> = lines(text(r, "queries")?)?
        .map(|l| Ok(l?.split(' ').filter(|t| !t.is_empty()).map(str::to_string).collect()))
        .collect::<Result<_>>()?;
    let one = |terms: &Vec<String>| -> tantivy::Result<Vec<(f32, tantivy::DocAddress)>> {
        let clauses = terms
            .iter()
            .map(|t| {
                let q: Box<dyn Query> = Box::new(TermQuery::new(Term::from_field_text(body, t), IndexRecordOption::WithFreqs));
                (Occur::Should, q)
            })
            .collect();
        searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(k).order_by_score())
    };
    for q in queries.iter().step_by(10) {
        one(q)?; // warm
    }
    let (mut times, mut used, mut found) = (vec![], vec![], Vec::with_capacity(queries.len()));
    let (wall, spent) = (Instant::now(), cpu(libc::CLOCK_THREAD_CPUTIME_ID));
    for q in &queries {
        let (start, before) = (Instant::now(), cpu(libc::CLOCK_THREAD_CPUTIME_ID));
        found.push(one(q)?);
        used.push(((cpu(libc::CLOCK_THREAD_CPUTIME_ID) - before) * 1e9) as u32);
        times.push(start.elapsed().as_nanos().min(u32::MAX as u128) as u32);
    }
    let n = queries.len() as f64;
    let (wall, spent) = (wall.elapsed().as_secs_f64(), cpu(libc::CLOCK_THREAD_CPUTIME_ID) - spent);
    let (mut rows, mut scores) = (BufWriter::new(File::create(text(r, "answers")?)?), BufWriter::new(File::create(text(r, "scores")?)?));
    for hits in &found {
        for i in 0..k {
            let (score, row) = hits.get(i).map_or((0.0, u32::MAX), |h| (h.0, h.1.doc_id));
            rows.write_all(&row.to_le_bytes())?;
            scores.write_all(&score.to_le_bytes())?;
        }
    }
    rows.flush()?;
    scores.flush()?;
    for (name, all) in [("times", &times), ("spent", &used)] {
        fs::write(text(r, name)?, all.iter().flat_map(|t: &u32| t.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    Ok(json!({"wall_us": wall / n * 1e6, "cpu_us": spent / n * 1e6}))
}

fn text<'a>(r: &'a Value, name: &str) -> Result<&'a str> {
    r[name].as_str().ok_or_else(|| format!("{name} is missing").into())
}

fn main() -> Result<()> {
    let mut searcher: Option<Searcher> = None;
    for line in std::io::stdin().lock().lines() {
        let r: Value = serde_json::from_str(&line?)?;
        let answer = match text(&r, "op")? {
            "build" => build(&r)?,
            "load" => {
                let (before, start) = (resident()?, Instant::now());
                let index = register(Index::open_in_dir(Path::new(text(&r, "index")?))?);
                let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
                searcher = Some(reader.searcher());
                json!({"wall_s": start.elapsed().as_secs_f64(), "resident_bytes": resident()? - before})
            }
            _ => search(searcher.as_ref().ok_or("nothing is loaded")?, &r)?,
        };
        println!("{answer}");
    }
    Ok(())
}
