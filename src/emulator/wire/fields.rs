use super::query::Repeated;

/// The fields of a posted form ahead of its file. Names are compared without regard to case, values are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormFields {
    fields: Vec<(String, String)>,
}

impl FormFields {
    pub(crate) fn new(fields: Vec<(String, String)>) -> Self {
        Self { fields }
    }

    /// The first value of that name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.of(name).next()
    }

    /// The value of that name, `Err` if it occurs more than once.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.of(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Repeated),
            (first, None) => Ok(first),
        }
    }

    /// All fields in the order they came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.fields.iter().filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }
}
