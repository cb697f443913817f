INSERT INTO users (email) VALUES ('ann@example.com'), ('o''neill@example.com'), ('李雷@例子.中国');
