//! A new table that cannot be made in one step: its columns call a sequence that is there already, or its checks a function of its own rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Table;
use crate::plan::Statement;

use super::node::{Node, What};
use super::objects::statement;
use super::table::new_table;
use super::text::{
    check, comment, create_index, joined, mentions, own_name, qualified, quote, sequence_of,
};
use super::{TableName, Work, alter, is_made_by};

/// By table what it needs and what needs it: functions of its rows.
pub(super) fn calls_of_rows(nodes: &[Node<'_>]) -> BTreeMap<String, BTreeSet<String>> {
    let needs: BTreeMap<&str, &[String]> = nodes
        .iter()
        .map(|node| (node.key.as_str(), node.needs.as_slice()))
        .collect();
    let tables = nodes
        .iter()
        .filter(|node| matches!(node.what, What::Table(..)));
    let calls = tables.map(|node| {
        let is_of_rows = |need: &&String| {
            let theirs = needs.get(need.as_str());
            need.contains('(') && theirs.is_some_and(|theirs| theirs.contains(&node.key))
        };
        let called = node.needs.iter().filter(is_of_rows).cloned();
        (node.key.clone(), called.collect::<BTreeSet<String>>())
    });
    calls.filter(|(_, called)| !called.is_empty()).collect()
}

impl<'a> Work<'a> {
    /// Now, and when all tables and functions are there.
    pub(super) fn new_table(
        &self,
        (schema, name): TableName<'a>,
        table: &'a Table,
        parent: Option<&Table>,
        is_inline: impl Fn(&str) -> bool,
        indexes_come_late: bool,
    ) -> (Vec<Statement>, Vec<Statement>) {
        let moved = self.moved_sequences(table);
        let called = self.calls_of_rows.get(&joined(schema, name));
        let mut made = Cow::Borrowed(table);
        for (column, _) in &moved {
            if let Some(column) = made.to_mut().columns.get_mut(*column) {
                column.identity = None;
            }
        }
        let calls = |text: &str| {
            let mut called = called.into_iter().flatten();
            called.any(|function| {
                let own = own_name(function);
                mentions(text, own.rsplit('.').next().unwrap_or(own))
            })
        };
        if called.is_some() {
            let made = made.to_mut();
            made.checks.retain(|_, check| !calls(&check.expression));
            made.indexes
                .retain(|_, index| index.constraint || !is_made_by(index, &calls));
        }
        let (mut now, mut later) = new_table(
            (schema, name),
            &made,
            parent,
            is_inline,
            indexes_come_late,
            &|table, index| self.is_joined(table, index),
        );
        let purpose = format!("create table {name}");
        for (column, sequence) in moved {
            let sql = alter::own_sequence(schema, name, column, &sequence);
            now.push(statement(sql, &purpose));
        }
        let shown = qualified(schema, name);
        for (own, definition) in &table.checks {
            if !made.checks.contains_key(own) {
                let sql = format!("ALTER TABLE {shown} ADD {}", check(own, definition));
                later.push(statement(sql, &purpose));
                if definition.comment.is_some() {
                    let what = format!("CONSTRAINT {} ON {shown}", quote(own));
                    let sql = comment(&what, definition.comment.as_deref());
                    later.push(statement(sql, &purpose));
                }
            }
        }
        for (own, index) in &table.indexes {
            if !made.indexes.contains_key(own) {
                later.push(statement(create_index(&shown, own, index, false), &purpose));
                if index.comment.is_some() {
                    let what = format!("INDEX {}", qualified(schema, own));
                    later.push(statement(
                        comment(&what, index.comment.as_deref()),
                        &purpose,
                    ));
                }
            }
        }
        (now, later)
    }

    /// The columns that call sequences that are there already.
    fn moved_sequences<'b>(&self, table: &'b Table) -> Vec<(&'b String, String)> {
        let columns = table.columns.iter();
        let columns = columns.filter_map(|(name, column)| Some((name, sequence_of(column)?)));
        columns
            .filter(|(_, sequence)| self.moved.contains(sequence))
            .collect()
    }
}
