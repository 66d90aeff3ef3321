package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '29f17e7ec726a44083b66be6bf0a5f8898179d75c5e580a997a302946f14b4bb'
  static final String JOBS_SUM = '1e8008b7a4c9068b81551825f71573729dfcfe6f1cc99d5c8b9125a4350b1d74'

  private static final long serialVersionUID = 1L
}
